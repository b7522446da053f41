"""What a file of rows holds, by its name and its first bytes."""

import bz2
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Literal, cast

from tasks.common.errors import BadDataError

Kind = Literal["csv", "txt", "jsonl", "json", "parquet"]

_KINDS: dict[str, Kind] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "txt",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}

_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}

KNOWN_NAMES = f"{', '.join(_KINDS)}, all but the last also with {', '.join(_COMPRESSIONS)}"

_FOREIGN = (
    (b"PAR1", "is a Parquet file; give it a name that ends in .parquet"),
    (b"\x1f\x8b", "is compressed by gzip; give it a name that ends in .gz"),
    (b"BZh", "is compressed by bzip2; give it a name that ends in .bz2"),
    (b"\x28\xb5\x2f\xfd", "is compressed by zstd; give it a name that ends in .zst"),
    (b"PK\x03\x04", "is a zip or a spreadsheet; unpack it, or save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "is a file of an old Office program; save it as CSV"),
    (b"%PDF", "is a PDF; save its rows as CSV"),
)

_SHEETS = (".xlsx", ".xls", ".ods", ".numbers")

_HEAD_BYTES = 1 << 16


def _zstd(file: IO[bytes]) -> object:
    import pyarrow as pa  # Python has no decoder of its own yet

    return pa.CompressedInputStream(file, "zstd")


_UNPACKERS: dict[str | None, Callable[[IO[bytes]], object]] = {
    None: lambda file: file,
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bz2": bz2.BZ2File,
    "zstd": _zstd,
}


@dataclass(frozen=True)
class FileKind:
    """What a file holds, and what it is compressed by."""

    kind: Kind
    compression: str | None = None


def kind_of(name: str, wanted: Kind | None = None) -> FileKind:
    """Return the `wanted` kind, else that of the name; raise a BadDataError where it is unknown."""
    compression = compression_of(name)
    suffixes = PurePath(name.lower()).suffixes[: -1 if compression else None]
    kind = wanted or _KINDS.get(suffixes[-1] if suffixes else "")
    if kind is None or (kind == "parquet" and compression):
        raise BadDataError(f"{name}: unknown kind of file; allowed are {KNOWN_NAMES}{_hint(name)}")
    return FileKind(kind, compression)


def _hint(name: str) -> str:
    return "; save the sheet as CSV" if name.lower().endswith(_SHEETS) else ""


def compression_of(name: str) -> str | None:
    """Return what a file is compressed by, by the end of its name; None where it is not."""
    return _COMPRESSIONS.get(PurePath(name.lower()).suffix)


def unpacked(file: IO[bytes], compression: str | None) -> io.BufferedReader:
    """Return the content of an open file, from which bytes can be peeked at."""
    return io.BufferedReader(cast("io.RawIOBase", _UNPACKERS[compression](file)), _HEAD_BYTES)


def head_of(content: io.BufferedReader) -> bytes:
    """Return the first bytes, which stay to be read; raise a BadDataError for a foreign file."""
    head = content.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    for start, sentence in _FOREIGN:
        if head.startswith(start):
            raise BadDataError(sentence)
    if head.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise BadDataError("is a web page; perhaps a download failed")
    return head
