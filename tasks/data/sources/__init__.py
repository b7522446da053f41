"""Readers of the IMDB files and of the files of a user."""
