"""Tests of `flows.scheduling`."""
