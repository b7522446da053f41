"""Texts as words, words as token ids, and the vocabulary between them."""
