"""Invented reviews and tables, as lists and as files."""
