"""Schedules, overlap, catch-up and an orderly stop."""
