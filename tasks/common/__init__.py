"""Errors, records, files, locks, seeds and devices: what every package may use."""
