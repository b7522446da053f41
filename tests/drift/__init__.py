"""Tests of `tasks.drift`."""
