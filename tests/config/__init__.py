"""Tests of `tasks.config`."""
