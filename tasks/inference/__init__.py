"""Predictions by a trained model, of texts and of whole files."""
