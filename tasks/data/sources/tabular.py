"""Read rows of CSV, JSONL and Parquet files of any size, in batches."""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.json as pj

from tasks.common.errors import BadDataError, first_line
from tasks.data.review_files import open_parquet

_CSV_BYTES = 1 << 20
"""Bytes that are parsed at a time, which a row must fit into. Arrow reads dozens of these ahead."""

_JSONL_BYTES = 1 << 23

_LONGEST_LINE = 1 << 26
"""Bytes that one line of a JSONL file may have."""

_PARQUET_ROWS = 4096


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield some columns, each named once, of a file in batches, in the file's order, maybe none.

    Columns of a CSV file are text even where they look like numbers.

    Raises:
        BadDataError: The file cannot be read, or has no such column.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise BadDataError(
            f"{path}: unknown kind of file {path.suffix!r}; allowed are {', '.join(_READERS)}"
        )
    if path.stat().st_size == 0:
        raise BadDataError(f"{path} is empty")
    try:
        for batch in reader(path, columns):
            batch.validate(full=True)  # a reader takes text on trust that is not UTF-8
            yield batch
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file system's fault, not the file's
        raise BadDataError(f"{path} cannot be read as {path.suffix}: {first_line(error)}") from None


def _require_columns(path: Path, names: Sequence[str], columns: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadDataError(f"{path} has several columns named {', '.join(map(repr, twice))}")
    for column in columns:
        if column not in names:
            raise BadDataError(
                f"{path} has no column {column!r}; it has {', '.join(names) or 'none'}"
                " (choose with --text-column, --label-column and --group-column)"
            )


def _csv_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    size = pc.ReadOptions(block_size=_CSV_BYTES)
    parsing = pc.ParseOptions(newlines_in_values=True)
    with pc.open_csv(path, size, parsing) as reader:
        _require_columns(path, reader.schema.names, columns)
    types = dict.fromkeys(columns, pa.string())
    chosen = pc.ConvertOptions(column_types=types, include_columns=list(columns))
    with pc.open_csv(path, size, parsing, chosen) as reader:
        yield from reader


def _jsonl_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Parse some lines at a time; a column that only other lines have is null in these."""
    known: dict[str, None] = {}
    for lines in _whole_lines(path):
        table = pj.read_json(io.BytesIO(lines), pj.ReadOptions(block_size=len(lines)))
        known |= dict.fromkeys(table.column_names)
        found = [
            table[name] if name in table.column_names else pa.nulls(len(table)) for name in columns
        ]
        yield from pa.table(found, names=list(columns)).to_batches()
    _require_columns(path, list(known), columns)


def _whole_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while lines := file.read(_JSONL_BYTES):
            yield lines + file.readline(_LONGEST_LINE)


def _parquet_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with open_parquet(path) as file:
        _require_columns(path, file.schema_arrow.names, columns)
        for batch in file.iter_batches(_PARQUET_ROWS, columns=list(columns)):
            yield batch.select(list(columns))


_READERS: dict[str, Callable[[Path, Sequence[str]], Iterator[pa.RecordBatch]]] = {
    ".csv": _csv_batches,
    ".jsonl": _jsonl_batches,
    ".parquet": _parquet_batches,
}
