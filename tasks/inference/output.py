"""Predictions as lines of a table for people: as many lines as rows, however many there are."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from tasks.common.errors import InvalidConfigError
from tasks.common.formatting import printable
from tasks.common.records import is_utf8

_LABEL_WIDTHS = 12, 30
_SMALLEST_TEXT = 20
_CHARACTERS_READ = 400


class PredictionTable:
    """Lines of so many characters, with a column for labels as wide as it can and need be."""

    def __init__(self, answers: Iterable[str], width: int) -> None:
        """Take some of the longest answers, and the width of the terminal."""
        least, most = _LABEL_WIDTHS
        left = width - len(_form(0).format(0, "", "", "", "")) - _SMALLEST_TEXT
        needed = max(map(len, answers), default=least)
        self._label, self._width = max(least, min(needed, left, most)), width
        self._form = _form(self._label)

    @property
    def head(self) -> str:
        """The first line."""
        start = self._form.format("row", "label", "probability", "tokens", "unknown")
        return f"{start}text or error\n"

    def lines(self, predicted: pa.RecordBatch, texts: pa.Array, first_row: int) -> Iterator[str]:
        """Yield a line for each prediction, with the beginning of its text."""
        rows = zip(predicted.to_pylist(), texts, strict=True)
        for row, (fields, text) in enumerate(rows, start=first_row):
            yield self._line(row, fields, (text.as_py() or "")[:_CHARACTERS_READ])

    def _line(self, row: int, fields: dict[str, Any], text: str) -> str:
        if fields["error"]:
            return f"{self._form.format(row, *'----')}error: {fields['error']}\n"
        label = _shown(fields.get("answer") or fields["label"], self._label)
        probability = f"{fields['probability']:.4f}"
        start = self._form.format(
            row, label, probability, fields["tokens"], f"{fields['unknown_share']:.0%}"
        )
        warning = f"[{fields['warning']}] " if fields["warning"] else ""
        left = max(_SMALLEST_TEXT, self._width - len(start) - len(warning))
        return f"{start}{warning}{_shown(text, left)}\n"


def _form(label: int) -> str:
    return f"{{:>8}}  {{:<{label}}}  {{:>11}}  {{:>6}}  {{:>7}}  "


def _shown(text: str, width: int) -> str:
    """Return the beginning of a text in one line."""
    plain = printable(text).replace("\n", " ")
    return plain if len(plain) <= width else plain[: width - 1] + "…"


OutputKind = Literal["csv", "jsonl", "parquet"]

OUTPUT_KINDS: tuple[OutputKind, ...] = ("csv", "jsonl", "parquet")

_FLOAT_DIGITS = 6
_ROW_GROUP_ROWS = 1 << 16
ROW_NUMBER = pa.field("row", pa.int64())

Write = Callable[[pa.RecordBatch], None]


def output_kind(path: Path) -> OutputKind:
    """Return the kind of an output file by the end of its name.

    An InvalidConfigError says that it is none of the known ones, or that the name is not UTF-8.
    """
    if not is_utf8(path):
        raise InvalidConfigError(f"--output {path}: its name is not UTF-8; name another file")
    for kind in OUTPUT_KINDS:
        if path.suffix.lower() == f".{kind}":
            return kind
    allowed = ", ".join(f".{kind}" for kind in OUTPUT_KINDS)
    raise InvalidConfigError(f"--output {path}: must end in {allowed}")


def numbered(batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch:
    """Return predictions with the number of each row, from 0 on, in front."""
    rows = pa.array(range(first_row, first_row + batch.num_rows), ROW_NUMBER.type)
    return batch.add_column(0, ROW_NUMBER, rows)


@contextmanager
def prediction_writer(file: IO[bytes], kind: OutputKind, schema: pa.Schema) -> Iterator[Write]:
    """Yield what writes one batch after another to a file that is open for writing."""
    if kind == "jsonl":
        yield lambda batch: _write_lines(file, batch)
    elif kind == "csv":
        # A cell of CSV holds no list.
        flat = pa.schema([field for field in schema if not pa.types.is_nested(field.type)])
        with pc.CSVWriter(file, flat) as csv:
            yield lambda batch: csv.write_batch(batch.select(flat.names))
    else:
        with pq.ParquetWriter(file, schema, compression="zstd") as parquet:
            yield lambda batch: parquet.write_table(
                pa.Table.from_batches([batch]), row_group_size=_ROW_GROUP_ROWS
            )


def _write_lines(file: IO[bytes], batch: pa.RecordBatch) -> None:
    file.writelines(
        json.dumps(_rounded(row), ensure_ascii=False).encode() + b"\n" for row in batch.to_pylist()
    )


def _rounded(value: object) -> object:
    """Return a value of a row whose float32 numbers have the digits that they really have."""
    if isinstance(value, float):
        return round(value, _FLOAT_DIGITS)
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return value
