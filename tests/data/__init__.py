"""Tests of `tasks.data`."""
