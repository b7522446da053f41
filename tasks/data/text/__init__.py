"""Texts as words, subwords or characters, their token ids, and the vocabulary between them."""
