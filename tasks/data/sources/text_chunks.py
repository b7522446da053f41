"""Texts to be predicted, from a file of any size, in order and in chunks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tasks.data.tables.delimited import RowError
from tasks.data.tables.fields import Fields
from tasks.data.tables.rows import Rows, rows_of_fields

_CHUNK_BYTES = 1 << 26

TEXTS = pa.schema({"text": pa.large_string(), "error": pa.string()})
"""One row per text; `text` is null where missing or unusable, `error` where there is none."""


@dataclass(frozen=True)
class TextChunk:
    """Some rows of a file in order, as `TEXTS`: the number of the first, the share read so far."""

    number: int
    first_row: int
    rows: pa.RecordBatch
    done: float | None


def chunked(parts: Iterable[Rows], chunk_rows: int) -> Iterator[TextChunk]:
    """Yield rows of one column in chunks of `chunk_rows`, fewer where texts are long.

    The same file always gives the same chunks.
    """
    number = first_row = 0
    pending: list[pa.RecordBatch] = []
    for part in parts:
        pending.append(_texts(part))
        while _is_full(pending, chunk_rows):
            joined = pa.concat_batches(pending)
            chunk, rest = joined.slice(0, chunk_rows), joined.slice(chunk_rows)
            yield TextChunk(number, first_row, chunk, part.done)
            number, first_row = number + 1, first_row + len(chunk)
            pending = [rest] if len(rest) else []
    if pending:
        yield TextChunk(number, first_row, pa.concat_batches(pending), 1.0)


def _texts(rows: Rows) -> pa.RecordBatch:
    return pa.record_batch([*rows.columns, rows.errors], schema=TEXTS)


def _is_full(pending: list[pa.RecordBatch], chunk_rows: int) -> bool:
    rows = sum(map(len, pending))
    return rows >= chunk_rows or (
        rows > 0 and sum(part["text"].nbytes for part in pending) >= _CHUNK_BYTES
    )


def rows_of(values: Sequence[object]) -> pa.RecordBatch:
    """Return rows as `TEXTS` of Python values: texts, None for a missing one, or a `RowError`."""
    return _texts(rows_of_fields([_fields(value) for value in values], 1))


def _fields(value: object) -> Fields:
    if isinstance(value, RowError):
        return value
    if value is None or isinstance(value, str):
        return [value]
    return RowError(f"the text is no string but {type(value).__name__}")
