"""Names of labels: what is one label whatever wrote it, what is none, and their order."""

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

_EXACT = 2**53

_NOTHING = {"", "nan", "null"}


def label_name(text: str | None) -> str | None:
    """Return the name of a label, None where a text is none.

    Numbers are known by their value, since a column of 0 and 1 is written with 0.0 and 1.0 once a
    value was missing; so are false and true, which programs write in different cases.
    """
    if text is None or text.lower() in _NOTHING:
        return None
    if text.lower() in ("false", "true"):
        return text.lower()
    if _NUMBER.fullmatch(text):
        value = float(text)
        if value.is_integer() and abs(value) < _EXACT:
            return str(int(value))
    return text


def in_order(names: Iterable[str]) -> list[str]:
    """Return labels in the order of their numbers, where all are numbers, or else of their text."""
    known = sorted(set(names))
    return sorted(known, key=float) if all(map(_NUMBER.fullmatch, known)) else known
