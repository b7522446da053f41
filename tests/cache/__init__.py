"""Tests of `tasks.cache`."""
