"""The champion: gates, challenge, promotion and rollback."""
