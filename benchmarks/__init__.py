"""Comparisons of the pipeline with the same work done by a plain Keras script."""
