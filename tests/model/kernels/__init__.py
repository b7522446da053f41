"""Tests of `tasks.model.kernels`."""
