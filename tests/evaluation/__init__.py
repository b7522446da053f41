"""Tests of `tasks.evaluation`."""
