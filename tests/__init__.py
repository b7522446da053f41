"""Tests of the pipeline; names of tests are sentences."""
