"""Split texts into words as Keras's text tools do, or into characters."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.config.training import RESERVED_IDS, TokenizerName

# Keras's default `filters`, and the carriage return of Windows files: these separate words,
# the apostrophe does not.
SEPARATORS = r'[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\t\n\r]'

WORD_CHARACTER = rf"[^ {SEPARATORS[1:]}"
"""Matches what a text with a word has, see `SEPARATORS`."""

BLANKS = r"[\x00-\x20\x7f]+"
"""What becomes one space where the tokens are not words."""

PAD_ID, START_ID, UNKNOWN_ID, FIRST_WORD_ID = 0, 1, 2, RESERVED_IDS
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


def normalized(texts: pa.Array) -> pa.Array:
    """Return texts in one form: NFKC, lower case, one space for whatever separates.

    So a Korean syllable is one character however it was typed. See
    https://www.unicode.org/reports/tr15/. A null counts as an empty text.
    """
    composed = pc.utf8_normalize(pc.fill_null(texts.cast(pa.large_string()), ""), "NFKC")
    spaced = pc.replace_substring_regex(pc.utf8_lower(composed), BLANKS, " ")
    return pc.utf8_trim(spaced, " ")


def split_characters(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Return the characters of n normalized texts as `split_words` does words, spaces included."""
    spaced = normalized(texts)
    offsets = np.concatenate([[0], np.cumsum(pc.utf8_length(spaced).to_numpy())])
    points = np.frombuffer("".join(spaced.to_pylist()).encode("utf-32-le"), np.uint32)
    distinct, place = np.unique(points, return_inverse=True)
    names = pa.array([chr(point) for point in distinct.tolist()], pa.large_string())
    return pa.DictionaryArray.from_arrays(place.astype(np.int32), names), offsets.astype(np.int64)


SPLIT: dict[TokenizerName, Callable[[pa.Array], tuple[pa.Array, np.ndarray]]] = {
    "words": split_words,
    "subwords": split_characters,
    "characters": split_characters,
}
"""What texts are split into while they are read; subwords are learned once all are."""
