"""Files of rows as people have them: kinds, encodings, delimiters and columns."""
