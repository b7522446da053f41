"""Tests of `tasks.data.sources`."""
