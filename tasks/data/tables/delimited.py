"""Rows of text with delimiters: comma, tab, semicolon or pipe.

What is quoted is read strictly, see https://www.rfc-editor.org/rfc/rfc4180, since a quote that
never closes would otherwise swallow the rows after it.
"""

import csv
import itertools
from collections.abc import Iterator, Sequence

from tasks.common.errors import BadDataError
from tasks.data.tables.decoding import LONGEST_TEXT

DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|"}

STRAY_QUOTE = "a quote in it is neither doubled nor at the end of its field"
TOO_LONG = f"the text has more than {LONGEST_TEXT:,} bytes"

SWALLOWED_LINES = 8
"""Lines inside one text that all look like rows: more than chance gives."""


class RowError(ValueError):
    """Why a row cannot be used; the message is what the row gets as its error."""


Fields = list[str] | RowError


def split_lines(
    lines: Iterator[str], delimiter: str, width: int, row: int, line: int
) -> Iterator[Fields]:
    """Yield the fields of the rows in lines that have their ends; blank lines are none.

    The header has `width` fields. The first row has the number `row`, from 0 on, and so many lines
    were read before it. A BadDataError says that a quote never closes, or closes far behind.
    """
    csv.field_size_limit(LONGEST_TEXT)
    if delimiter == "\t":
        return _tabbed(lines, width, row, line)
    return _quoted(lines, delimiter, row, line)


def _quoted(lines: Iterator[str], delimiter: str, row: int, line: int) -> Iterator[Fields]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            for fields in reader:
                last = reader.line_num
                if fields:
                    if last - first > SWALLOWED_LINES and any(
                        holds_rows(field, delimiter, len(fields)) for field in fields
                    ):
                        raise BadDataError(unclosed(f"row {row} (line {line + first})"))
                    row += 1
                    yield fields
                first = last + 1
        except csv.Error as error:
            if reader.line_num > first or "unexpected end" in str(error):
                raise BadDataError(unclosed(f"row {row} (line {line + first})")) from None
            row += 1
            yield RowError(TOO_LONG if "limit" in str(error) else STRAY_QUOTE)
        else:
            return


def unclosed(place: str) -> str:
    """Return the sentence for a quote that swallows rows."""
    return (
        f"{place}: a quote opens there and does not close as it should, which would swallow the"
        " rows after it; close it, or double each quote inside a quoted text"
    )


def holds_rows(field: str, delimiter: str, width: int) -> bool:
    """Return whether the lines of a text are many, and all look like rows of so many fields."""
    inner = field.splitlines()[1:-1]
    return len(inner) >= SWALLOWED_LINES and all(
        line.count(delimiter) == width - 1 for line in inner
    )


def _tabbed(lines: Iterator[str], width: int, row: int, number: int) -> Iterator[Fields]:
    """Split lines at tabs; a quote means something only where a line would not fit without.

    Texts with tabs are rare, and most programs that write them leave quotes as they are.
    """
    for line in lines:
        number += 1
        plain = line.rstrip("\r\n")
        if not plain:
            continue
        fields = plain.split("\t")
        if '"' not in plain:
            yield fields
        elif len(fields) == width:
            yield [_unquoted(field) for field in fields]
        else:
            first = number
            whole, number = _several_lines(line, lines, number)
            if len(whole) != width and number > first:
                raise BadDataError(unclosed(f"row {row} (line {first})"))
            yield whole or fields
        row += 1


def _unquoted(field: str) -> str:
    inner = field[1:-1]
    if len(field) > 1 and field[0] == field[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return field


def _several_lines(line: str, lines: Iterator[str], number: int) -> tuple[list[str], int]:
    """Return the fields of a quoted row that begins with `line`, and the number of its last line.

    There are none where a quote is not closed as it should be.
    """
    reader = csv.reader(itertools.chain([line], lines), delimiter="\t", strict=True)
    try:
        fields = next(reader)
    except csv.Error:
        fields = []
    return fields, number + reader.line_num - 1


def delimiter_of(header: str, columns: Sequence[str], wanted: str | None) -> str:
    """Return the delimiter of a file with this header line.

    `wanted` is its name or the character; else it is the one that finds most of the columns.
    """
    if wanted is not None:
        return DELIMITERS.get(wanted, wanted)

    def merit(delimiter: str) -> tuple[int, int]:
        names = header_fields(header, delimiter)
        return len(set(columns) & set(names)), len(names)

    return max(DELIMITERS.values(), key=merit)


def header_fields(header: str, delimiter: str) -> list[str]:
    """Return the names of the columns in a header line."""
    try:
        return next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error:
        return []


def chosen(rows: Iterator[Fields], header: list[str], columns: Sequence[str]) -> Iterator[Fields]:
    """Yield the fields of these columns; a row that has not as many as the header is at fault."""
    places, width = [header.index(column) for column in columns], len(header)
    for fields in rows:
        if isinstance(fields, RowError):
            yield fields
        elif len(fields) == width:
            yield [fields[place] for place in places]
        else:
            yield RowError(
                f"the row has {len(fields)} fields instead of {width}: a text that holds the"
                " delimiter or a line end needs quotes"
            )
