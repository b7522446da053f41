"""Read texts from files of any size, in order, in chunks; a bad row is a row with an error."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Literal

import pyarrow as pa
import pyarrow.compute as pc

from tasks.common.errors import BadDataError, first_line
from tasks.data.review_files import open_parquet

Kind = Literal["csv", "jsonl", "parquet", "txt"]

KINDS: tuple[Kind, ...] = ("csv", "jsonl", "parquet", "txt")

_CHUNK_BYTES = 1 << 26

LONGEST_TEXT = 1 << 24
"""Bytes that a text may have; a longer one is a row with an error."""

_LONGEST_LINE = 2 * LONGEST_TEXT

_PARQUET_ROWS = 1024


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


@dataclass(frozen=True)
class TextChunk:
    """Some rows of a file in order: the number of the first one, and the share read so far."""

    number: int
    first_row: int
    rows: TextRows
    done: float | None


def kind_of(path: str) -> Kind:
    """Return the kind of a file by the end of its name.

    Raises:
        BadDataError: It is none of the known ones.
    """
    suffix = path.rpartition(".")[2].lower()
    for kind in KINDS:
        if suffix == kind:
            return kind
    raise BadDataError(
        f"{path}: unknown kind of file; allowed are {', '.join(f'.{kind}' for kind in KINDS)}"
    )


def read_texts(
    file: IO[bytes], kind: Kind, column: str, chunk_rows: int, size: int | None = None
) -> Iterator[TextChunk]:
    """Yield the texts of an open file in chunks of `chunk_rows`, fewer where texts are long.

    CSV and JSON lines are read as for training, and blank lines are no rows there. In a text file
    each line is a text, a blank one too, and there is no `column`. Parquet needs a file that can
    seek. The same file always gives the same chunks.

    Raises:
        BadDataError: There is no such column, or the file as a whole cannot be read.
    """
    if kind == "parquet":
        yield from _numbered(_parquet_rows(file, column), chunk_rows)
        return
    lines = _Lines(file)
    values: Iterator[object]
    if kind == "csv":
        values = _csv_values(lines, column)
    elif kind == "jsonl":
        values = (_json_value(line, column) for line in lines if line.strip())
    else:
        values = (line.removesuffix("\n").removesuffix("\r") for line in lines)
    parts = ((rows, lines.read / size if size else None) for rows in _parts(values, chunk_rows))
    yield from _numbered(parts, chunk_rows)


def _numbered(
    parts: Iterable[tuple[TextRows, float | None]], chunk_rows: int
) -> Iterator[TextChunk]:
    """Join small parts to chunks of at most `chunk_rows` rows and about `_CHUNK_BYTES`."""
    number = first_row = 0
    pending: list[TextRows] = []
    for rows, done in parts:
        pending.append(rows)
        while _is_full(pending, chunk_rows):
            joined = _joined(pending)
            chunk, rest = joined.slice(0, chunk_rows), joined.slice(chunk_rows, len(joined))
            yield TextChunk(number, first_row, chunk, done)
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


def _parts(values: Iterator[object], most: int) -> Iterator[TextRows]:
    """Yield values as rows, in parts that are small in rows and bytes."""
    part: list[object] = []
    size = 0
    for value in values:
        part.append(value)
        size += len(value) if isinstance(value, str) else 1
        if len(part) >= min(most, _PARQUET_ROWS) or size >= LONGEST_TEXT:
            yield rows_of(part)
            part, size = [], 0
    if part:
        yield rows_of(part)


class _Lines:
    """Lines of a file as text, none longer than is allowed; counts the bytes that were read.

    Bytes that are not UTF-8 become lone surrogates, by which their row is found out.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.read = 0

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(_LONGEST_LINE):
            start, self.read = self.read, self.read + len(line)
            text = line.decode("utf-8", "surrogateescape")
            if not line.endswith(b"\n") and len(line) == _LONGEST_LINE:
                self._skip_line()
                text += "\n"
            yield text.removeprefix("\ufeff") if start == 0 else text

    def _skip_line(self) -> None:
        while rest := self._file.readline(_LONGEST_LINE):
            self.read += len(rest)
            if rest.endswith(b"\n"):
                return


def _json_value(line: str, column: str) -> object:
    if len(line) >= _LONGEST_LINE:
        return RowError(TOO_LONG)
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return RowError(NOT_UTF8 if _has_surrogate(line) else "the line is no JSON")
    if not isinstance(row, dict):
        return RowError("the line is no JSON object")
    return row[column] if column in row else RowError(f"there is no field {column!r}")


def _has_surrogate(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


def _csv_values(lines: Iterable[str], column: str) -> Iterator[object]:
    """Yield the fields of a column; a row that has not as many fields as the header is bad."""
    csv.field_size_limit(LONGEST_TEXT)
    rows = _csv_rows(lines)
    header = next((row for row in rows if isinstance(row, list)), [])
    _require_column(header, column)
    place = header.index(column)
    for row in rows:
        if isinstance(row, RowError):
            yield row
        elif len(row) != len(header):
            yield RowError(f"the row has {len(row)} fields instead of {len(header)}")
        else:
            yield row[place]


def _require_column(names: list[str], column: str) -> None:
    if names.count(column) != 1:
        raise BadDataError(
            f"the file has {'several columns' if column in names else 'no column'} {column!r}; it"
            f" has {', '.join(names) or 'none'} (choose with --text-column)"
        )


def _csv_rows(lines: Iterable[str]) -> Iterator[list[str] | RowError]:
    reader = csv.reader(iter(lines))
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RowError(TOO_LONG if "limit" in str(error) else f"the row is no CSV ({error})")
            continue
        if row:
            yield row


def _parquet_rows(file: IO[bytes], column: str) -> Iterator[tuple[TextRows, float | None]]:
    try:
        parquet = open_parquet(file)
    except (pa.ArrowException, OSError) as error:
        raise BadDataError(f"the file cannot be read as Parquet: {first_line(error)}") from None
    names = parquet.schema_arrow.names
    _require_column(names, column)
    read, total = 0, max(1, parquet.metadata.num_rows)
    batches = parquet.iter_batches(_PARQUET_ROWS, columns=[column])
    while True:
        try:
            batch = next(batches)
            rows = rows_of_binary(_as_text(batch.column(0)))
        except StopIteration:
            return
        except (pa.ArrowException, OSError) as error:
            raise BadDataError(
                f"the file is damaged: it cannot be read as Parquet after row {read:,}:"
                f" {first_line(error)}"
            ) from None
        read += len(rows)
        yield rows, read / total


def _as_text(column: pa.Array) -> pa.Array:
    """Return a column of numbers or dates as texts, as the training reads it."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    text = (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary())
    return column if kind in text else column.cast(pa.large_string())


NOT_UTF8 = "the text is not valid UTF-8"

TOO_LONG = f"the text has more than {LONGEST_TEXT:,} bytes"


class RowError(ValueError):
    """Why a row is no usable text; the message is what the row gets as its error."""


def rows_of(values: Sequence[object]) -> TextRows:
    """Return the rows of Python values: texts, None for a missing one, or a `RowError`."""
    checked = [_checked(value) for value in values]
    return TextRows(
        pa.array([text for text, _ in checked], pa.large_string()),
        pa.array([error for _, error in checked], pa.string()),
    )


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
