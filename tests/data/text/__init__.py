"""Tests of `tasks.data.text`."""
