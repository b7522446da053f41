"""Tests of `tasks.labelling`."""
