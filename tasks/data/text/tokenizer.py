"""Split texts into words as Keras's text tools do; the one tokenizer of the project."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Keras's default `filters`, and the carriage return of Windows files: these separate words,
# the apostrophe does not.
SEPARATORS = r'[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\t\n\r]'

WORD_CHARACTER = rf"[^ {SEPARATORS[1:]}"
"""Matches what a text with a word has, see `SEPARATORS`."""

PAD_ID, START_ID, UNKNOWN_ID, FIRST_WORD_ID = 0, 1, 2, 4
"""Keras's numbering: the word of rank 1 has the id 4, that of rank 2 the id 5; 3 never occurs."""


def split_words(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Return the lower-case words of n texts, one after another, and where each text begins.

    The words of text i are `words[offsets[i]:offsets[i + 1]]`; the offsets are int64 of shape (n +
    1,). A null counts as an empty text.
    """
    lower = pc.utf8_lower(pc.fill_null(texts.cast(pa.large_string()), ""))
    # By spaces alone, as Keras does; Arrow's split by any whitespace reads past its buffer's end.
    lists = pc.split_pattern(pc.replace_substring_regex(lower, SEPARATORS, " "), " ")
    words = lists.flatten()
    # Two separators in a row, or one at an end, leave an empty string.
    is_word = pc.not_equal(words, "").to_numpy(zero_copy_only=False)
    kept = np.concatenate([[0], np.cumsum(is_word)])
    starts = lists.offsets.to_numpy()
    return words.filter(pa.array(is_word)), kept[starts - starts[0]]
