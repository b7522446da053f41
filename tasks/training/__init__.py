"""Fit a network, save it as it goes on, and resume it bit for bit."""
