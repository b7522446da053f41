"""What a user starts: flows that wire the steps together."""
