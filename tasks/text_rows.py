"""Rows of texts as they come from outside: a row that is no usable text has an error instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_TEXT = 1 << 24
"""Bytes that a text may have; a longer one is a row with an error."""

NOT_UTF8 = "the text is not valid UTF-8"
TOO_LONG = f"the text has more than {LONGEST_TEXT:,} bytes"


@dataclass(frozen=True)
class TextRows:
    """n rows: `texts`, null where missing or unusable, and `errors`, null where there is none."""

    texts: pa.Array
    errors: pa.Array

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts)

    def slice(self, start: int, rows: int) -> TextRows:
        """Return `rows` rows from `start` on."""
        return TextRows(self.texts.slice(start, rows), self.errors.slice(start, rows))


class RowError(ValueError):
    """Why a row is no usable text; the message is what the row gets as its error."""


def rows_of(values: Sequence[object]) -> TextRows:
    """Return the rows of Python values: texts, None for a missing one, or a `RowError`."""
    import pyarrow as pa

    texts, errors = [], []
    for value in values:
        text, error = _checked(value)
        texts.append(text)
        errors.append(error)
    return TextRows(pa.array(texts, pa.large_string()), pa.array(errors, pa.string()))


def _checked(value: object) -> tuple[bytes | None, str | None]:
    if value is None:
        return None, None
    if isinstance(value, RowError):
        return None, str(value)
    if not isinstance(value, str):
        return None, f"the text is no string but {type(value).__name__}"
    try:
        content = value.encode()
    except UnicodeEncodeError:
        return None, NOT_UTF8
    return (content, None) if len(content) <= LONGEST_TEXT else (None, TOO_LONG)


def rows_of_binary(column: pa.Array) -> TextRows:
    """Return the rows of a string or binary Arrow column, whose bytes nobody has checked yet."""
    import pyarrow as pa
    import pyarrow.compute as pc

    content = column.cast(pa.large_binary())
    is_long = pc.greater(pc.fill_null(pc.binary_length(content), 0), LONGEST_TEXT)
    if not pc.any(is_long).as_py():
        try:
            return TextRows(content.cast(pa.large_string()), pa.nulls(len(content), pa.string()))
        except pa.ArrowInvalid:
            pass  # some row is not UTF-8: see which
    return rows_of([_decoded(value) for value in content])


def _decoded(value: pa.Scalar) -> str | RowError | None:
    content = value.as_py()
    if content is None:
        return None
    try:
        return str(content, "utf-8")
    except UnicodeDecodeError:
        return RowError(NOT_UTF8)
