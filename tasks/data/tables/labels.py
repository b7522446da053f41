"""Names of labels: what is one label whatever wrote it, what is none, and which of two is 1."""

import re
from collections.abc import Iterable

from tasks.common.errors import BadDataError, InvalidConfigError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

_EXACT = 2**53
_NOTHING = {"", "nan", "null"}
_SHOWN = 5


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


def label_names(found: set[str], column: str, positive_label: str | None) -> tuple[str, str]:
    """Return the names of the labels 0 and 1 among all names `found` in a column.

    Label 1 is `positive_label`, or else the second one in order. A BadDataError says that there are
    not two; an InvalidConfigError that the positive label is none of them.
    """
    names = in_order(found)
    if len(names) != 2:  # noqa: PLR2004 - a yes-or-no question
        raise BadDataError(
            f"column {column!r} must hold exactly two different labels, found"
            f" {len(names)}: {shown(names) or 'none'}"
        )
    if positive_label is not None:
        positive = label_name(positive_label)
        if positive not in names:
            raise InvalidConfigError(
                f"--positive-label {positive_label}: must be one of {shown(names)}"
            )
        names.sort(key=positive.__eq__)
    return names[0], names[1]


def shown(names: list[str]) -> str:
    """Return the first names for people."""
    return ", ".join(map(repr, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")
