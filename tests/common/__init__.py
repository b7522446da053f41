"""Tests of `tasks.common`."""
