"""Columns of the user's own by which the test reviews are put into slices."""

from collections.abc import Mapping

import numpy as np

from tasks.data.sources.source_files import SliceColumns, require_unchanged
from tasks.data.tables.fields import ReadOptions
from tasks.data.tables.rows import texts_of_rows


def read_slice_columns(slices: SliceColumns, rows: np.ndarray) -> Mapping[str, list[str]]:
    """Return the texts of each column in the given rows, which ascend; nothing is an empty text.

    A BadDataError says that the file cannot be read, has no such column, or was changed.
    """
    reading = ReadOptions(slices.encoding, slices.delimiter)
    found = texts_of_rows(slices.file, slices.columns, reading, rows)
    require_unchanged(slices.file, slices.sha256)
    return dict(zip(slices.columns, found, strict=True))
