"""Columns of the user's own by which the test reviews are put into slices."""

from collections.abc import Mapping

import numpy as np

from tasks.data.sources.source_files import SliceColumns, require_unchanged
from tasks.data.tables.fields import ReadOptions
from tasks.data.tables.rows import read_rows


def read_slice_columns(slices: SliceColumns, rows: np.ndarray) -> Mapping[str, list[str]]:
    """Return the texts of each column in the given rows, which ascend; nothing is an empty text.

    A BadDataError says that the file cannot be read, has no such column, or was changed.
    """
    found: dict[str, list[str]] = {name: [] for name in slices.columns}
    first = 0
    for part in read_rows(
        slices.file, slices.columns, ReadOptions(slices.encoding, slices.delimiter)
    ):
        here = rows[(rows >= first) & (rows < first + len(part))] - first
        for name, column in zip(slices.columns, part.columns, strict=True):
            found[name] += [text or "" for text in column.take(here).to_pylist()]
        first += len(part)
    require_unchanged(slices.file, slices.sha256)
    return found
