"""What a user starts, and the flows behind it."""
