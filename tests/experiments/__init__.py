"""Tests of `tasks.experiments`."""
