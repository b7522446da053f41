"""The network of word n-grams: as Keras trains it, and as sums of rows in NumPy."""
