"""Write predictions as CSV, JSON lines or Parquet, row by row in the order of the texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Literal

from tasks.errors import InvalidConfigError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

OutputKind = Literal["csv", "jsonl", "parquet"]
OUTPUT_KINDS: tuple[OutputKind, ...] = ("csv", "jsonl", "parquet")

_FLOAT_DIGITS = 6
_ROW_GROUP_ROWS = 1 << 16

Write = Callable[["pa.RecordBatch"], None]


def output_kind(path: Path) -> OutputKind:
    """Return the kind of an output file by the end of its name.

    Raises:
        InvalidConfigError: It is none of the known ones.
    """
    for kind in OUTPUT_KINDS:
        if path.suffix.lower() == f".{kind}":
            return kind
    allowed = ", ".join(f".{kind}" for kind in OUTPUT_KINDS)
    raise InvalidConfigError(f"output={path}: must end in {allowed}")


def numbered(batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch:
    """Return predictions with the number of each row, from 0 on, in front."""
    import pyarrow as pa

    rows = pa.array(range(first_row, first_row + batch.num_rows), pa.int64())
    return batch.add_column(0, "row", rows)


@contextmanager
def prediction_writer(file: IO[bytes], kind: OutputKind, schema: pa.Schema) -> Iterator[Write]:
    """Yield what writes one batch after another to a file that is open for writing."""
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    if kind == "jsonl":
        yield lambda batch: _write_lines(file, batch)
    elif kind == "csv":
        with pc.CSVWriter(file, schema) as csv:
            yield csv.write_batch
    else:
        with pq.ParquetWriter(file, schema, compression="zstd") as parquet:
            yield lambda batch: parquet.write_table(
                pa.Table.from_batches([batch]), row_group_size=_ROW_GROUP_ROWS
            )


def _write_lines(file: IO[bytes], batch: pa.RecordBatch) -> None:
    file.writelines(
        json.dumps(_rounded(row), ensure_ascii=False).encode() + b"\n" for row in _rows(batch)
    )


def _rows(batch: pa.RecordBatch) -> Iterable[dict[str, object]]:
    rows: list[dict[str, object]] = batch.to_pylist()
    return rows


def _rounded(row: dict[str, object]) -> dict[str, object]:
    """Return a row whose float32 numbers have the digits that they really have."""
    return {
        name: round(value, _FLOAT_DIGITS) if isinstance(value, float) else value
        for name, value in row.items()
    }
