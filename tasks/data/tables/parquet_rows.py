"""Rows of Parquet: a file, or a folder of files as Spark and Dask write it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.common.errors import BadDataError, first_line
from tasks.common.records import is_utf8

_ROWS = 1024
_READ_BYTES = 1 << 20


def open_parquet(source: Path | IO[bytes]) -> pq.ParquetFile:
    """Return an open Parquet file to be read in batches, of which little is held in memory.

    Without a buffer whole column chunks are held, and what was read stays to the file's end.
    """
    if isinstance(source, Path) and not is_utf8(source):
        source = source.open("rb")  # pyarrow takes no such name
    return pq.ParquetFile(source, pre_buffer=False, buffer_size=_READ_BYTES)


def parquet_batches(
    file: pq.ParquetFile, columns: Sequence[str], given: dict[str, str | None]
) -> Iterator[list[pa.Array]]:
    """Yield the columns in batches, as text or as bytes that nobody has checked yet.

    The file has each of the columns, or `given` has it, with its one value in this file. A
    BadDataError says that the file is damaged, or that a column holds no texts.
    """
    stored = [column for column in columns if column not in given]
    names = {column: _class_names(file.schema_arrow, column) for column in stored}
    read = 0
    batches = file.iter_batches(_ROWS, columns=stored)
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise BadDataError(f"is damaged after row {read:,}: {first_line(error)}") from None
        read += batch.num_rows
        yield [
            _as_text(batch[column], column, names[column])
            if column in names
            else pa.array([given[column]] * batch.num_rows, pa.large_string())
            for column in columns
        ]


def _class_names(schema: pa.Schema, column: str) -> list[str] | None:
    """Return the names of the numbers of a ClassLabel of Hugging Face's datasets.

    See https://huggingface.co/docs/datasets/about_dataset_features
    """
    try:
        noted: Any = json.loads((schema.metadata or {})[b"huggingface"])
        names: list[str] | None = noted["info"]["features"][column].get("names")
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    return names


def _as_text(column: pa.Array, name: str, class_names: list[str] | None) -> pa.Array:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column.cast(pa.large_binary())
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column.cast(kind)), None, column.cast(kind))
    if class_names is not None and pa.types.is_integer(kind):
        known = pc.and_(pc.greater_equal(column, 0), pc.less(column, len(class_names)))
        places = pc.if_else(known, column, None)
        return pa.array(class_names, pa.large_string()).take(places)
    try:
        return column.cast(pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise BadDataError(f"column {name!r} holds no texts but {kind}") from None
