"""The row groups of a Parquet file of padded reviews, of which only some are held decoded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow.parquet as pq

from tasks.data.review_files import padded_matrix, padded_width

Batch = tuple[np.ndarray, np.ndarray]
"""int32 tokens of shape (n, maxlen) and float32 labels of shape (n, 1)."""

_NOTHING: Batch = np.empty((0, 0), np.int32), np.empty((0, 1), np.float32)


class RowGroups:
    """A file of padded reviews, open until the end of a `with` block.

    `rows` are the reviews of each row group, known without decoding any.
    """

    def __init__(self, path: Path) -> None:
        """Open the Parquet file `path`, which must hold at least one review."""
        self._file = pq.ParquetFile(path)
        metadata = self._file.metadata
        self.rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self._width = padded_width(path)
        self._held: Sequence[int] = ()
        self._reviews = _NOTHING

    def __enter__(self) -> Self:
        """Return the open file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def hold(self, groups: Sequence[int]) -> None:
        """Decode the row groups `groups`, unless they are held, and let go of all others."""
        if groups == self._held:
            return
        # Before the next ones are decoded, so that both are never held at once.
        self._held, self._reviews = (), _NOTHING
        rows = sum(self.rows[group] for group in groups)
        tokens, labels = np.empty((rows, self._width), np.int32), np.empty((rows, 1), np.float32)
        end = 0
        for group in groups:
            start, end = end, end + self.rows[group]
            table = self._file.read_row_group(group, columns=["tokens", "label"])
            tokens[start:end] = padded_matrix(table["tokens"].combine_chunks())
            labels[start:end, 0] = table["label"].to_numpy()
        self._held, self._reviews = groups, (tokens, labels)

    def take(self, rows: np.ndarray) -> Batch:
        """Return the reviews at the positions `rows` among those held."""
        tokens, labels = self._reviews
        return tokens[rows], labels[rows]
