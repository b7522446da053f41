"""The two labels of the user's files, and which of them is 1."""

from collections.abc import Iterable

from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.data.tables.labels import in_order, label_name

_SHOWN = 5


def label_names(found: set[str], column: str, positive_label: str | None) -> tuple[str, str]:
    """Return the names of the labels 0 and 1.

    Args:
        found: All names.
        column: Of the labels.
        positive_label: What the user wants as label 1; else it is the second one in order.

    Raises:
        BadDataError: There are not two.
        InvalidConfigError: The positive label is none of them.
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


def shown(names: Iterable[str]) -> str:
    """Return the first names for people."""
    first = list(names)
    return ", ".join(map(repr, first[:_SHOWN])) + (", …" if len(first) > _SHOWN else "")
