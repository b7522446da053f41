"""Tests of `flows.orchestration`."""
