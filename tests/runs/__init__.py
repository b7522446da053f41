"""Tests of `tasks.runs`."""
