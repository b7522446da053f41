"""The flows themselves: which step follows which."""
