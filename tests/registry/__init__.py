"""Tests of `tasks.registry`."""
