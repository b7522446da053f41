"""Rows of JSON: one object a line, objects over several lines, or an array of objects."""

import json
from collections.abc import Callable, Iterator, Sequence

from tasks.common.errors import BadDataError
from tasks.data.tables.decoding import LONGEST_TEXT, NOT_UTF8, has_undecoded
from tasks.data.tables.delimited import TOO_LONG, RowError

_SPACE = " \t\r\n"
_LONGEST_VALUE = 2 * LONGEST_TEXT


class _Repeated(dict[str, object]):
    """An object that has some field twice."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.repeated = {name for name in names if names.count(name) > 1}


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeated(pairs)


# Numbers stay as they are written: 1.0 is no 1, and a long number keeps its digits.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=str,
    parse_float=str,
    parse_constant={"NaN": None, "Infinity": "Infinity", "-Infinity": "-Infinity"}.get,
)


class _Buffer:
    """Text of which some is read already, and more comes where it is needed."""

    def __init__(self, read: Callable[[], str]) -> None:
        self.text, self.place, self.ended = "", 0, False
        self._read = read

    def grow(self) -> bool:
        """Take one more block; return whether there was one."""
        block = self._read()
        self.ended = not block
        self.text, self.place = self.text[self.place :] + block, 0
        return not self.ended

    def peek(self) -> str:
        """Return the next character that is no space, nothing at the end."""
        while True:
            while self.place < len(self.text) and self.text[self.place] in _SPACE:
                self.place += 1
            if self.place < len(self.text):
                return self.text[self.place]
            if self.ended or not self.grow():
                return ""

    def line_end(self, since: int) -> int:
        """Return where the line ends that holds the character at `since`."""
        while (end := self.text.find("\n", since)) < 0:
            since -= self.place
            if self.ended or not self.grow():
                return len(self.text)
        return end

    def value(self) -> object:
        """Return the next value, or its fault; a fault ends at its line's end."""
        while True:
            try:
                value, self.place = _DECODER.raw_decode(self.text, self.place)
            except (json.JSONDecodeError, RecursionError) as error:
                at = getattr(error, "pos", self.place)
                length = len(self.text) - self.place
                is_cut = "\n" not in self.text[at:] and length <= _LONGEST_VALUE
                if is_cut and not self.ended and self.grow():
                    continue
                return self.bad_line(TOO_LONG if length > _LONGEST_VALUE else "it is no JSON")
            return value

    def bad_line(self, reason: str) -> RowError:
        """Pass over the rest of the line and return its fault."""
        end = self.line_end(self.place)
        undecoded = has_undecoded(self.text[self.place : end])
        self.place = end
        return RowError(NOT_UTF8 if undecoded else reason)


def json_values(read: Callable[[], str]) -> Iterator[object]:
    """Yield the values of JSON lines or of an array; a bad line is a `RowError`.

    `read` returns the next block of the text, nothing at its end. A BadDataError says that an array
    is broken.
    """
    buffer = _Buffer(read)
    if buffer.peek() == "[":
        buffer.place += 1
        yield from _array(buffer)
        return
    while buffer.peek():
        value = buffer.value()
        if not isinstance(value, RowError):
            end = buffer.line_end(buffer.place)
            if buffer.text[buffer.place : end].strip(_SPACE):
                value = buffer.bad_line("something follows the object on its line")
        yield value


def _array(buffer: _Buffer) -> Iterator[object]:
    number = 0
    while buffer.peek() != "]":
        value, number = buffer.value(), number + 1
        follows = buffer.peek()
        if isinstance(value, RowError) or follows not in {",", "]"}:
            raise BadDataError(f"row {number}: the array is no JSON from there on")
        yield value
        if follows == ",":
            buffer.place += 1
    buffer.place += 1
    if buffer.peek():
        raise BadDataError("something follows the end of the array")


def fields_of(value: object, columns: Sequence[str]) -> list[str | None] | RowError:
    """Return the fields of an object as text; one that it does not have is missing."""
    if isinstance(value, RowError):
        return value
    if not isinstance(value, dict):
        return RowError("it is no JSON object")
    fields: list[str | None] = []
    for column in columns:
        field = value.get(column)
        if isinstance(value, _Repeated) and column in value.repeated:
            return RowError(f"it has the field {column!r} twice")
        if isinstance(field, dict | list):
            return RowError(f"its field {column!r} is no text but holds several values")
        is_truth = isinstance(field, bool)
        fields.append(str(field).lower() if is_truth else None if field is None else str(field))
    return fields
