"""Tests of `tasks.reports`."""
