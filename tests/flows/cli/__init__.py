"""Tests of `flows.cli`."""
