"""Faults that are injected: kills, a full disk, a dead server."""
