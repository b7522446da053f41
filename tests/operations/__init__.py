"""Tests of `tasks.operations`."""
