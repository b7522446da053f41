"""One logical table of texts and labels in each form, encoding and compression that is read."""

import bz2
import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

Row = tuple[str | None, ...]

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16")

TEXT = st.text(st.sampled_from("ab ,;|'\n\r\t\"É漢\x00\u2028"), min_size=1, max_size=12)


def as_csv(table: list[Row], delimiter: str = ",", end: str = "\r\n", quoting: int = 0) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(["id", "text", "label"])
    writer.writerows([number, *row] for number, row in enumerate(table))
    return file.getvalue()


def as_json_lines(table: list[Row]) -> str:
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in table)


def as_json(table: list[Row], indent: int | None = None) -> str:
    return json.dumps([{"label": label, "text": text} for text, label in table], indent=indent)


def as_zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


FORMS: dict[str, Callable[[list[Row]], str]] = {
    "comma.csv": as_csv,
    "cr.csv": lambda table: as_csv(table, end="\r", quoting=csv.QUOTE_ALL),
    "quoted.csv": lambda table: as_csv(table, quoting=csv.QUOTE_ALL),
    "semicolon.csv": lambda table: as_csv(table, ";", "\n", csv.QUOTE_ALL),
    "pipe.txt": lambda table: as_csv(table, "|"),
    "tab.tsv": lambda table: as_csv(table, "\t"),
    "lines.jsonl": as_json_lines,
    "lines.json": as_json_lines,
    "array.json": as_json,
    "indented.json": lambda table: as_json(table, 2),
    "indented.ndjson": lambda table: "\n".join(
        json.dumps({"text": text, "label": label}, indent=1) for text, label in table
    ),
}

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": as_zstd,
}


def in_every_form(folder: Path, table: list[Row]) -> Iterator[Path]:
    """Write a table in each form; the encodings and compressions take turns."""
    packers = list(PACKERS.items())
    for number, (name, written) in enumerate(FORMS.items()):
        ending, packed = packers[number % len(packers)]
        path = folder / f"{name}{ending}"
        path.write_bytes(packed(written(table).encode(ENCODINGS[number % len(ENCODINGS)])))
        yield path
    texts, labels = zip(*table, strict=True)
    pq.write_table(pa.table({"text": texts, "label": labels}), folder / "table.parquet")
    yield folder / "table.parquet"
