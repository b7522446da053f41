"""Tests of `tasks.training`."""
