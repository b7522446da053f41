"""Tests of `flows.pipelines`."""
