"""The fields of the rows of a text file, one row after another, without any large library.

Whatever reads a content does not know the file's name, which `named` puts into its errors.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tasks.common.errors import BadDataError, HintedError, first_line
from tasks.data.tables.decoding import NOT_UTF8, decoded, encoding_of, likely_of_lines, lines_of
from tasks.data.tables.delimited import (
    RowError,
    chosen,
    delimiter_of,
    header_fields,
    split_lines,
    unclosed,
)
from tasks.data.tables.json_values import fields_of, json_values
from tasks.data.tables.kinds import FileKind, Kind, compression_of, head_of, kind_of, unpacked

_BLOCK = 1 << 20
_MOST_HEADER_LINES = 8
_SHOWN_NAME = 40

Fields = Sequence[str | None] | RowError
"""The texts of the columns that are asked for, None where nothing is there; or a fault."""


@dataclass(frozen=True)
class ReadOptions:
    """What the user says of a file, where it does not show by itself.

    The encoding has Python's name; the delimiter is a name or the character. With `lines` a .txt
    file without a header is read, each line a text, a blank one too.
    """

    encoding: str | None = None
    delimiter: str | None = None
    kind: Kind | None = None
    lines: bool = False


DEFAULT = ReadOptions()


@dataclass(frozen=True)
class Content:
    """The bytes of an open text file, what they hold, and their encoding."""

    bytes: io.BufferedReader
    kind: Kind
    encoding: str


@dataclass(frozen=True)
class Header:
    """The names of the columns, their delimiter, and how many lines they take.

    `lines` are those behind it; None where the content stands behind it and is UTF-8.
    """

    names: list[str]
    delimiter: str
    count: int
    lines: Iterator[str] | None


def file_kind(path: Path, options: ReadOptions) -> FileKind:
    """Return what a file holds; raise a BadDataError where it is missing, empty or unknown."""
    if not path.exists():
        raise BadDataError(f"{path}: there is no such file")
    if path.is_dir():
        return FileKind("parquet")  # as Spark and Dask write it, of whatever name
    if path.stat().st_size == 0:
        raise BadDataError(f"{path} is empty")
    return kind_of(str(path), options.kind)


def open_content(file: IO[bytes], kind: FileKind, options: ReadOptions) -> Content:
    """Return the content of a file; raise a BadDataError where its kind or encoding is another."""
    content = unpacked(file, kind.compression)
    head = head_of(content)
    return Content(content, kind.kind, encoding_of(head, options.encoding))


@contextmanager
def damage_reported() -> Iterator[None]:
    """Say in one sentence that a compressed file is damaged."""
    try:
        yield
    except (EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file system's fault, not the file's
        raise BadDataError(f"is damaged: {first_line(error)}") from None


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Put the name of the file before what is wrong with it."""
    try:
        yield
    except BadDataError as error:
        fault, *hint = error.args
        joint = " " if fault.startswith(("is ", "has ")) else ": "
        raise type(error)(f"{path}{joint}{fault}", *hint) from None


def text_fields(
    content: Content, columns: Sequence[str], options: ReadOptions = DEFAULT
) -> Iterator[Fields]:
    """Yield the fields of these columns, row by row; raise a BadDataError where that fails."""
    if content.kind in ("jsonl", "json"):
        yield from _json_fields(content, columns)
    elif is_table(content, columns, options):
        header = read_header(content, columns, options)
        lines = header.lines or lines_of(content.bytes, "utf-8")
        yield from fields_behind(header, lines, columns, 0, header.count)
    else:
        for line in lines_of(content.bytes, content.encoding):
            yield [line.removesuffix("\n").removesuffix("\r")]


def is_table(content: Content, columns: Sequence[str], options: ReadOptions) -> bool:
    """Return whether there are columns: a text file may be one text a line."""
    if content.kind == "txt" and options.lines:
        first = content.bytes.peek(_BLOCK).decode(content.encoding, "replace").splitlines()[:1]
        delimiter = delimiter_of(first[0], columns, options.delimiter) if first else ""
        names = header_fields(first[0], delimiter) if first else []
        return len(names) > 1 and set(columns) <= set(names)
    return content.kind in ("csv", "txt")


def read_header(content: Content, columns: Sequence[str], options: ReadOptions) -> Header:
    """Read the first line, which names the columns; names in quotes may take several lines.

    A BadDataError says that it does not name those that are asked for, each once.
    """
    line, lines, count = _plain_header(content), None, 1
    if line is None:
        lines = lines_of(content.bytes, content.encoding)
        for count, part in enumerate(lines, start=1):
            line = (line or "") + part
            if line.strip() and (line.count('"') % 2 == 0 or count == _MOST_HEADER_LINES):
                break
    line = line or ""
    delimiter = delimiter_of(line, columns, options.delimiter)
    names = header_fields(line, delimiter)
    if not names:
        raise BadDataError("has no header line, which names the columns")
    if any("\n" in name and delimiter in name for name in names):
        raise BadDataError(unclosed("the header"))
    require_columns(names, columns, "its first line, which must name the columns, holds")
    return Header(names, delimiter, count, lines)


def _plain_header(content: Content) -> str | None:
    """Take the first line, where it is UTF-8 and ends as all lines of a plain file do."""
    head = content.bytes.peek(_BLOCK)
    line = head[: head.find(b"\n") + 1]
    is_whole = line.strip() and b"\r" not in line.rstrip(b"\r\n") and line.count(b'"') % 2 == 0
    if not is_whole or not content.encoding.startswith("utf-8"):
        return None
    return content.bytes.read(len(line)).decode(content.encoding, "surrogateescape")


def fields_behind(
    header: Header, lines: Iterator[str], columns: Sequence[str], row: int, line: int
) -> Iterator[Fields]:
    """Yield the fields behind a header, of which so many rows and lines were read already."""
    fields = split_lines(lines, header.delimiter, len(header.names), row, line)
    yield from chosen(fields, header.names, columns)


def _json_fields(content: Content, columns: Sequence[str]) -> Iterator[Fields]:
    known: dict[str, None] = {}
    with decoded(content.bytes, content.encoding) as text:
        for value in json_values(lambda: text.read(_BLOCK)):
            if isinstance(value, dict):
                known |= dict.fromkeys(value)
            yield fields_of(value, columns)
    if known:
        require_columns(list(known), columns)


def require_columns(
    names: Sequence[str], columns: Sequence[str], found: str = "its columns are"
) -> None:
    """Raise a BadDataError unless there is each of the columns, once."""
    for column in columns:
        if names.count(column) == 1:
            continue
        if column in names:
            raise BadDataError(f"has several columns {column!r}")
        alike = [name for name in names if name.strip().lower() == column.strip().lower()]
        hint = f"; it has {alike[0]!r}, which is not the same" if alike else ""
        shown = ", ".join(repr(name[:_SHOWN_NAME]) for name in names)
        raise HintedError(
            f"has no column {column!r}{hint}; {found} {shown}",
            " (another is chosen by the option that ends in -column, or by --slice-columns)"
            if columns[1:]
            else " (another is chosen by --text-column)",  # a prediction asks for one
        )


def row_fault(path: Path, row: int, fault: str) -> BadDataError:
    """Return what to raise for a row of a file that cannot be used."""
    hint = ""
    if fault == NOT_UTF8 and path.is_file() and path.suffix.lower() != ".parquet":
        with path.open("rb") as file:
            hint = likely_of_lines(unpacked(file, compression_of(path.name)))
    return HintedError(f"{path}: row {row}: {fault}", hint)


def text_rows(
    path: Path, columns: Sequence[str], options: ReadOptions = DEFAULT
) -> Iterator[Fields]:
    """Yield the fields of the rows of a file; raise a BadDataError where that fails."""
    kind = file_kind(path, options)
    with named(path), path.open("rb") as file, damage_reported():
        yield from text_fields(open_content(file, kind, options), columns, options)
