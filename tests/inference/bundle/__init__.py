"""Tests of `tasks.inference.bundle`."""
