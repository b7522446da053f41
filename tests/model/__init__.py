"""Tests of `tasks.model`."""
