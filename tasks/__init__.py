"""The steps of the pipeline: plain typed functions, one concern per module."""
