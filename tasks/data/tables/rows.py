"""One reader for the files of users, be it for a training or for predictions.

A column that is asked for is read as it stands, as text; others do not matter. A row that cannot
be read has an error in its place, so that rows keep their numbers.
"""

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.common.errors import BadDataError, first_line
from tasks.data.tables.decoding import LONGEST_TEXT, NOT_UTF8, lines_of
from tasks.data.tables.delimited import TOO_LONG, RowError
from tasks.data.tables.fields import (
    DEFAULT,
    Fields,
    ReadOptions,
    damage_reported,
    fields_behind,
    file_kind,
    is_table,
    named,
    open_content,
    read_header,
    require_columns,
    text_fields,
)
from tasks.data.tables.folders import folder_columns, parquet_parts
from tasks.data.tables.kinds import FileKind
from tasks.data.tables.parquet_rows import open_parquet, parquet_batches
from tasks.data.tables.plain_blocks import PlainBlocks

_BATCH_ROWS = 1024


class _Pandas:
    """Says that pandas is not there, for as long as it is asked.

    None in `sys.modules` would not do: Arrow, which is Cython, takes it for the module.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ImportError(name)


def _leave_pandas_out() -> None:
    """Make Arrow's first array, for which it imports pandas where it can, a quarter of a second.

    Where somebody asks Arrow for a pandas table later, it looks again.
    """
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _Pandas)
        try:
            pa.array([None])
        finally:
            sys.meta_path.remove(_Pandas)


_leave_pandas_out()


@dataclass(frozen=True)
class Rows:
    """n rows in the order of the file, and the share of it that is read, where its size is known.

    Each of `columns` is large_string of shape (n,), null where nothing is there; `errors` is string
    of shape (n,), null where the row could be read.
    """

    columns: list[pa.Array]
    errors: pa.Array
    done: float | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.errors)


def read_rows(path: Path, columns: Sequence[str], options: ReadOptions = DEFAULT) -> Iterator[Rows]:
    """Yield the columns of a file, in the file's order, in batches of at most 1024 rows.

    `path` is a file whose name says what it is, or a folder of Parquet files. Each column is named
    once. A BadDataError says that the file cannot be read, or has no such column.
    """
    kind = file_kind(path, options)
    with named(path):
        if kind.kind == "parquet":
            yield from _of_parquet(path, columns)
            return
        with path.open("rb") as file:
            for rows in read_stream(file, kind, columns, options):
                done = file.tell() / max(1, path.stat().st_size)
                yield Rows(rows.columns, rows.errors, min(1.0, done))


def read_stream(
    file: IO[bytes], kind: FileKind, columns: Sequence[str], options: ReadOptions = DEFAULT
) -> Iterator[Rows]:
    """Yield the columns of an open file, which need not be one that can seek; as `read_rows`."""
    with damage_reported():
        content = open_content(file, kind, options)
        if not is_table(content, columns, options):
            yield from _batched(text_fields(content, columns, options), len(columns))
            return
        header = read_header(content, columns, options)
        row, line, lines = 0, header.count, header.lines
        if lines is None:
            plain = PlainBlocks(content.bytes, header.delimiter, header.names, columns)
            while header.delimiter != "\t" and (arrays := plain.next()):
                yield _checked(arrays)
            row, line, lines = plain.rows, plain.lines, lines_of(plain.rest(), "utf-8")
        yield from _batched(fields_behind(header, lines, columns, row, line), len(columns))


def _batched(fields: Iterator[Fields], width: int) -> Iterator[Rows]:
    while batch := list(itertools.islice(fields, _BATCH_ROWS)):
        yield rows_of_fields(batch, width)


def _of_parquet(path: Path, columns: Sequence[str]) -> Iterator[Rows]:
    parts = parquet_parts(path)
    for number, part in enumerate(parts):
        given = folder_columns(path, part) if part != path else {}
        name = "" if part == path else f"part {part.relative_to(path)}: "
        try:
            file = open_parquet(part)
            schema = file.schema_arrow
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise BadDataError(f"{name}cannot be read as Parquet: {first_line(error)}") from None
        with file:
            require_columns([*schema.names, *given], columns)
            total, read = max(1, file.metadata.num_rows), 0
            for arrays in parquet_batches(file, columns, given):
                read += len(arrays[0])
                rows = _checked(arrays)
                yield Rows(rows.columns, rows.errors, (number + read / total) / len(parts))


def rows_of_fields(batch: Sequence[Fields], width: int) -> Rows:
    """Return rows of Python values as columns of so many fields each."""
    nothing: list[str | None] = [None] * width
    errors = [str(fields) if isinstance(fields, RowError) else None for fields in batch]
    whole = [nothing if isinstance(fields, RowError) else fields for fields in batch]
    columns = []
    for place in range(width):
        values = [fields[place] for fields in whole]
        try:
            column = pa.array(values, pa.large_string())
        except UnicodeEncodeError:
            column = pa.array([_encoded(value) for value in values], pa.large_binary())
        columns.append(column)
    return _checked(columns, errors)


def _encoded(value: str | None) -> bytes | None:
    return None if value is None else value.encode("utf-8", "surrogatepass")


def _checked(columns: list[pa.Array], errors: list[str | None] | None = None) -> Rows:
    """Return columns of text or bytes as text; a row that is too long or not UTF-8 has an error."""
    errors = errors or [None] * len(columns[0])
    texts = []
    for column in columns:
        text = _as_text(column)
        if text is None:
            values, faults = zip(*map(_decoded, column.cast(pa.large_binary())), strict=True)
            errors = [error or fault for error, fault in zip(errors, faults, strict=True)]
            text = pa.array(values, pa.large_string())
        texts.append(text)
    return Rows(texts, pa.array(errors, pa.string()))


def _as_text(column: pa.Array) -> pa.Array | None:
    """Return a column as text, None where a value is too long or not UTF-8."""
    content = column.cast(pa.large_binary())
    if pc.any(pc.greater(pc.binary_length(content), LONGEST_TEXT)).as_py():
        return None
    try:
        return content.cast(pa.large_string())
    except pa.ArrowInvalid:
        return None


def _decoded(value: pa.Scalar) -> tuple[str | None, str | None]:
    content = value.as_py()
    if content is None:
        return None, None
    if len(content) > LONGEST_TEXT:
        return None, TOO_LONG
    try:
        return content.decode(), None
    except UnicodeDecodeError:
        return None, NOT_UTF8


def texts_of_rows(
    path: Path, columns: Sequence[str], options: ReadOptions, rows: np.ndarray
) -> list[list[str]]:
    """Return of each column the texts in the given rows, which ascend; nothing is an empty text.

    A BadDataError says that the file cannot be read or has no such column.
    """
    found: list[list[str]] = [[] for _ in columns]
    first = 0
    for part in read_rows(path, columns, options):
        here = rows[(rows >= first) & (rows < first + len(part))] - first
        for texts, column in zip(found, part.columns, strict=True):
            texts += [text or "" for text in column.take(here).to_pylist()]
        first += len(part)
    return found
