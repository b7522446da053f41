"""Well-formed delimited text by Arrow's parser, several times as fast as Python's.

Arrow takes quotes as they come, and in pieces of a file may cut a row in two. So it gets whole
rows alone, of text in which each quote is where RFC 4180 has it; all else is Python's.
"""

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from tasks.common.errors import BadDataError
from tasks.data.tables.delimited import SWALLOWED_LINES, holds_rows, unclosed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK = 1 << 20

_LONGEST_BLOCK = 1 << 26


class PlainBlocks:
    """Whole rows of well-formed UTF-8 text with delimiters, as long as there are any.

    Attributes:
        rows: How many were read.
        lines: How many were read, that of the header included.
    """

    def __init__(
        self, content: io.BufferedReader, delimiter: str, header: list[str], columns: Sequence[str]
    ) -> None:
        """Take a content that stands after its header, and what is asked of it."""
        self.rows, self.lines = 0, 1
        self._content, self._delimiter = content, delimiter.encode()
        self._pending = b""
        self._parsing = pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        self._width = len(header)
        self._names = [str(place) for place in range(self._width)]  # a header may have one twice
        self._columns = [str(header.index(column)) for column in columns]
        self._converting = pacsv.ConvertOptions(
            column_types=dict.fromkeys(self._columns, pa.large_string()),
            include_columns=self._columns,
            strings_can_be_null=False,
        )

    def next(self) -> list[pa.Array] | None:
        """Return the columns of the next rows, None at the end or where they are not plain.

        Raises:
            BadDataError: A quoted text has swallowed rows. The file is not named.
        """
        whole, places, ends = self._whole_rows()
        if not whole or not (quotes := Quotes(whole, places, self._delimiter)).are_plain:
            return None
        for place, field in quotes.long_fields(whole, ends, SWALLOWED_LINES):
            if holds_rows(field.decode(errors="replace"), self._delimiter.decode(), self._width):
                line = self.lines + int(np.searchsorted(ends, place)) + 1
                raise BadDataError(unclosed(f"line {line}"))
        reading = pacsv.ReadOptions(
            block_size=len(whole) + 1, column_names=self._names, use_threads=False
        )
        try:
            table = pacsv.read_csv(io.BytesIO(whole), reading, self._parsing, self._converting)
        except pa.ArrowInvalid:
            return None
        self._pending = self._pending[len(whole) :]
        self.rows += len(table)
        self.lines += len(ends)
        return [table[name].combine_chunks() for name in self._columns]

    def rest(self) -> io.BufferedReader:
        """Return the content after the rows that were read."""
        return io.BufferedReader(_Prefixed(self._pending, self._content), _BLOCK)

    def _whole_rows(self) -> tuple[bytes, np.ndarray, np.ndarray]:
        """Return rows of which none goes on behind, and where their quotes and line ends are.

        There are none where there is no end of a row.
        """
        while True:
            block = self._content.read(_BLOCK)
            self._pending += block
            content = np.frombuffer(self._pending, np.uint8)
            quotes, ends = np.flatnonzero(content == ord('"')), np.flatnonzero(content == ord("\n"))
            if not block:
                return self._pending, quotes, ends
            # A line end is that of a row where the quotes before it are in pairs.
            before = np.searchsorted(quotes, ends)
            rows = np.flatnonzero(before % 2 == 0)
            if len(rows):
                last = rows[-1]
                return self._pending[: ends[last] + 1], quotes[: before[last]], ends[: last + 1]
            if len(self._pending) > _LONGEST_BLOCK:
                return b"", quotes, ends


class Quotes:
    """The quotes of a text of whole rows, and whether each is where it should be.

    Attributes:
        are_plain: Each opens or closes a whole field, or is doubled inside one.
        opens: Places at which a field opens, where quotes are plain.
        closes: Places at which it closes, behind each of `opens`.
    """

    def __init__(self, text: bytes, places: np.ndarray, delimiter: bytes) -> None:
        """Take the places of all of them, in ascending order."""
        padded = np.frombuffer(b"\n" + text + b"\n", np.uint8)
        starts = places[np.diff(places, prepend=-2) != 1]
        ends = places[np.diff(places, append=len(text) + 1) != 1]
        is_odd = (ends - starts) % 2 == 0
        is_inside = (np.cumsum(is_odd) - is_odd) % 2 == 1
        is_border = np.isin(np.arange(256), np.frombuffer(delimiter + b"\r\n", np.uint8))
        before, behind = is_border[padded[starts]], is_border[padded[ends + 2]]
        fits = np.where(is_inside, ~is_odd | behind, before & (is_odd | behind))
        self.opens, self.closes = starts[is_odd & ~is_inside], ends[is_odd & is_inside]
        self.are_plain = bool(fits.all()) and len(self.opens) == len(self.closes)

    def long_fields(self, text: bytes, ends: np.ndarray, lines: int) -> Iterator[tuple[int, bytes]]:
        """Yield place and content of each quoted field with more than so many of the line ends."""
        counts = np.searchsorted(ends, self.closes) - np.searchsorted(ends, self.opens)
        for number in np.flatnonzero(counts > lines):
            yield int(self.opens[number]), text[self.opens[number] + 1 : self.closes[number]]


class _Prefixed(io.RawIOBase):
    """Bytes that were read ahead, and then what follows them."""

    def __init__(self, prefix: bytes, content: io.BufferedReader) -> None:
        self._prefix, self._content = io.BytesIO(prefix), content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        return self._prefix.readinto(buffer) or self._content.readinto(buffer)
