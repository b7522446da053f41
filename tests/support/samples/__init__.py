"""Reviews and tables to try things on, as lists and as files."""
