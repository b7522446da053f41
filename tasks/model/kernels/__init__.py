"""The pieces of the fast training step."""
