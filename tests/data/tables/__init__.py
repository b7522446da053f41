"""Tests of `tasks.data.tables`."""
