"""The steps of the pipeline, and the plain functions that they call."""
