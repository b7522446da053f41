"""Fit a network, save it on the way, and resume it bit for bit."""
