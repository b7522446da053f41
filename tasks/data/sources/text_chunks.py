"""Texts to be predicted, from a file of any size, in order and in chunks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from tasks.data.tables.delimited import RowError
from tasks.data.tables.fields import Fields, ReadOptions
from tasks.data.tables.kinds import FileKind
from tasks.data.tables.rows import Rows, read_rows, read_stream, rows_of_fields

_CHUNK_BYTES = 1 << 26


@dataclass(frozen=True)
class TextRows:
    """n rows: `texts`, null where missing or unusable, and `errors`, null where there is none."""

    texts: pa.Array
    errors: pa.Array

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts)

    def slice(self, start: int, rows: int) -> "TextRows":
        """Return `rows` rows from `start` on."""
        return TextRows(self.texts.slice(start, rows), self.errors.slice(start, rows))


@dataclass(frozen=True)
class TextChunk:
    """Some rows of a file in order: the number of the first one, and the share read so far."""

    number: int
    first_row: int
    rows: TextRows
    done: float | None


def file_chunks(
    path: Path, column: str, chunk_rows: int, options: ReadOptions
) -> Iterator[TextChunk]:
    """Yield the texts of a file in chunks of `chunk_rows`, fewer where texts are long.

    The same file always gives the same chunks. In a text file without a header each line is a
    text, a blank one too.

    Raises:
        BadDataError: There is no such file or column, or the file as a whole cannot be read.
    """
    yield from _numbered(read_rows(path, [column], options), chunk_rows)


def stream_chunks(
    file: IO[bytes], kind: FileKind, column: str, chunk_rows: int, options: ReadOptions
) -> Iterator[TextChunk]:
    """Yield the texts of an open file, as `file_chunks`.

    Raises:
        BadDataError: There is no such column, or the file as a whole cannot be read.
    """
    yield from _numbered(read_stream(file, kind, [column], options), chunk_rows)


def _numbered(parts: Iterable[Rows], chunk_rows: int) -> Iterator[TextChunk]:
    """Join small parts to chunks of at most `chunk_rows` rows and about `_CHUNK_BYTES`."""
    number = first_row = 0
    pending: list[TextRows] = []
    for part in parts:
        pending.append(TextRows(part.columns[0], part.errors))
        while _is_full(pending, chunk_rows):
            joined = _joined(pending)
            chunk, rest = joined.slice(0, chunk_rows), joined.slice(chunk_rows, len(joined))
            yield TextChunk(number, first_row, chunk, part.done)
            number, first_row = number + 1, first_row + len(chunk)
            pending = [rest] if len(rest) else []
    if pending:
        yield TextChunk(number, first_row, _joined(pending), 1.0)


def _is_full(pending: list[TextRows], chunk_rows: int) -> bool:
    rows = sum(map(len, pending))
    return rows >= chunk_rows or (
        rows > 0 and sum(part.texts.nbytes for part in pending) >= _CHUNK_BYTES
    )


def _joined(parts: list[TextRows]) -> TextRows:
    return TextRows(
        pa.concat_arrays([part.texts for part in parts]),
        pa.concat_arrays([part.errors for part in parts]),
    )


def rows_of(values: Sequence[object]) -> TextRows:
    """Return the rows of Python values: texts, None for a missing one, or a `RowError`."""
    rows = rows_of_fields([_fields(value) for value in values], 1)
    return TextRows(rows.columns[0], rows.errors)


def _fields(value: object) -> Fields:
    if isinstance(value, RowError):
        return value
    if value is None or isinstance(value, str):
        return [value]
    return RowError(f"the text is no string but {type(value).__name__}")
