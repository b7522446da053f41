"""Tests of `flows.display`."""
