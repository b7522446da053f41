"""The tests mirror `tasks` and `flows`."""
