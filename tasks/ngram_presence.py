"""Which word n-grams occur in reviews, as a sparse matrix with hashed columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.tokenize_text import FIRST_WORD_OFFSET

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pyarrow as pa
    import scipy.sparse as sp

_COLUMN_BITS = 22
"""4,194,304 columns: doubling them gains little, and memory depends on the reviews alone."""

_REVIEWS_AT_ONCE = 4096
_STEP, _MIX = 1_000_003, 0x9E37_79B9_7F4A_7C15


def ngram_presence(tokens: pa.ChunkedArray, longest: int) -> sp.csr_matrix:
    """Return 1.0 for each n-gram of 1 to `longest` words in each review, shape (n, 2 ** 22).

    A row takes 8 bytes for each of its n-grams, whatever the number of columns.

    Args:
        tokens: Lists of ids; an n-gram with the start, padding or an unknown word is left out.
        longest: Words of the longest n-gram.
    """
    import numpy as np
    import scipy.sparse as sp

    parts = []
    for start in range(0, max(len(tokens), 1), _REVIEWS_AT_ONCE):
        lists = tokens.slice(start, _REVIEWS_AT_ONCE).combine_chunks()
        ids = lists.flatten().to_numpy()
        lengths = np.diff(lists.offsets.to_numpy())
        rows = np.repeat(np.arange(len(lists), dtype=np.int32), lengths)
        pairs = list(_occurrences(ids, rows, longest))
        row, column = (np.concatenate(side) for side in zip(*pairs, strict=True))
        shape = (len(lists), 1 << _COLUMN_BITS)
        part = sp.csr_matrix((np.ones(len(row), np.float32), (row, column)), shape)
        part.sum_duplicates()
        part.data[:] = 1
        parts.append(part)
    return sp.vstack(parts, format="csr")


def _occurrences(
    ids: np.ndarray, rows: np.ndarray, longest: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows and columns of all n-grams, for each number of words."""
    import numpy as np

    is_word = ids > FIRST_WORD_OFFSET
    whole, hashes = is_word, ids.astype(np.uint64)
    for words in range(1, longest + 1):
        if words > 1:
            last = ids[words - 1 :].astype(np.uint64)
            hashes = hashes[:-1] * np.uint64(_STEP) + last
            same = rows[words - 1 :] == rows[: len(rows) - words + 1]
            whole = whole[:-1] & is_word[words - 1 :] & same
        # The product's high bits depend on all bits of the hash.
        mixed = (hashes[whole] + np.uint64(words)) * np.uint64(_MIX)
        columns = mixed >> np.uint64(64 - _COLUMN_BITS)
        yield rows[: len(whole)][whole], columns.astype(np.int32)
