"""Score a model and its baselines, with intervals and tests."""
