"""Tests of a user's own network: its code, trust in it, and what is asked of it."""
