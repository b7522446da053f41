"""A network of the user's own: its code, its options, whether it may run, and what it must hold."""
