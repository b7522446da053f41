"""Names of labels: what is one label whatever wrote it, what is none, and which number each has."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from shlex import quote

from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.common.records import Record
from tasks.config.training import listed_name, names_list, plain_names

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

_EXACT = 2**53
_NOTHING = {"", "nan", "null"}
_SHOWN = 5

_FEWEST_LABELS, _MOST_LABELS, _ROWS_FOR_A_LABEL = 2, 100, 10


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
    return sorted(known, key=float) if values_of(known) else known


def require_learned(names: Iterable[str], learned: Collection[str]) -> None:
    """Raise a BadDataError for labels that no training review has."""
    unlearned = [name for name in names if name not in learned]
    if unlearned:
        raise BadDataError(
            f"{shown(unlearned)}: no training review has the label, which no model can learn then;"
            " add some, or leave it out with --drop-labels"
        )


def values_of(names: Sequence[str]) -> list[float]:
    """Return the values of labels that are all numbers; none where one is no number."""
    return list(map(float, names)) if all(map(_NUMBER.fullmatch, names)) else []


class LabelRules(Record):
    """What the user says of the labels, each a list with commas."""

    positive_label: str | None = None
    labels: str | None = None
    drop_labels: str | None = None
    merge_labels: str | None = None

    @cached_property
    def dropped(self) -> list[str]:
        """The labels whose rows are left out."""
        return _listed(self.drop_labels)

    @cached_property
    def merged(self) -> dict[str, str]:
        """The new name of each label that gets one; raise an InvalidConfigError where one lacks."""
        pairs = [
            (old.strip(), "=".join(new).strip()) for old, *new in names_list(self.merge_labels)
        ]
        if not all(old and new for old, new in pairs):
            raise InvalidConfigError(
                f"--merge-labels {self.merge_labels}: must be old=new, with commas between several"
            )
        return {_plain(old): _plain(new) for old, new in pairs}

    def require_known(self, found: Collection[str]) -> None:
        """Raise an InvalidConfigError for a label to drop or merge that was not found."""
        for option, names in (("drop", self.dropped), ("merge", self.merged)):
            for name in names:
                if name not in found:
                    raise InvalidConfigError(
                        f"--{option}-labels: there is no label {name!r}, only"
                        f" {shown(in_order(found)) or 'none'}{_in_quotes(found)}"
                    )

    def kept(self, found: Mapping[str, int]) -> dict[str, int]:
        """Return the rows of each label that is left, given those of each that was found."""
        counts = Counter[str]()
        for name, count in found.items():
            counts[self.merged.get(name, name)] += count
        return {name: count for name, count in counts.items() if name not in self.dropped}

    def names(self, counts: Mapping[str, int], column: str, *, is_all: bool = True) -> list[str]:
        """Return the labels of a column in their order: what is label 0, label 1 and so on.

        That is the order of numbers or else of text, if not given; of two, the positive label is
        the last one. `counts` are the rows of each label that is kept, of all rows or of some. A
        BadDataError says that there are too few or too many labels, or too few rows of one; an
        InvalidConfigError that those given are not those found.
        """
        names, rows = in_order(counts), sum(counts.values())
        if len(names) < _FEWEST_LABELS and is_all:
            raise BadDataError(
                f"column {column!r} must hold at least two different labels, found"
                f" {len(names)}: {shown(names) or 'none'}"
            )
        if len(names) > _FEWEST_LABELS:
            _require_labels(names, rows, column)
        if not is_all:
            return names
        if len(names) > _FEWEST_LABELS:
            _require_reviews(counts)
        return self._ordered(names)

    def _ordered(self, names: list[str]) -> list[str]:
        wanted = _listed(self.labels)
        if wanted and sorted(wanted) != sorted(names):
            raise InvalidConfigError(
                f"--labels {self.labels}: must name each label once, and these are {shown(names)}"
                f"{_in_quotes(names)}"
            )
        if self.positive_label is None:
            return wanted or names
        positive = label_name(self.positive_label)
        given = f"--positive-label {self.positive_label}"
        if positive not in names:
            raise InvalidConfigError(f"{given}: must be one of {shown(names)}")
        if len(names) > _FEWEST_LABELS:
            raise InvalidConfigError(
                f"{given}: is for two labels, and there are {len(names)}; --labels puts them in"
                " another order"
            )
        return sorted(names, key=positive.__eq__)


def _require_labels(names: list[str], rows: int, column: str) -> None:
    if len(names) > min(_MOST_LABELS, rows // _ROWS_FOR_A_LABEL):
        raise BadDataError(
            f"column {column!r} holds {len(names):,} different values in {rows:,} rows, too many"
            f" for labels (at most one in {_ROWS_FOR_A_LABEL} rows, and {_MOST_LABELS}):"
            f" {shown(names)}; name another column with --label-column, or a table of fewer labels"
        )


def _require_reviews(counts: Mapping[str, int]) -> None:
    rare = [name for name in in_order(counts) if counts[name] < _ROWS_FOR_A_LABEL]
    if rare:
        least, all_rare = min(rare, key=counts.__getitem__), ",".join(map(listed_name, rare))
        raise BadDataError(
            f"{len(rare)} of {len(counts)} labels have fewer than {_ROWS_FOR_A_LABEL} reviews,"
            f" {least!r} has {counts[least]}: add reviews, put labels together with --merge-labels"
            f" old=new, or leave them out with --drop-labels {quote(all_rare)}"
        )


def _listed(text: str | None) -> list[str]:
    return [_plain(part) for part in plain_names(text)]


def _in_quotes(names: Iterable[str]) -> str:
    """Return how to name a label that holds a sign of the list, where there is one."""
    signs = [name for name in names if listed_name(name) != name]
    return (
        f"; a comma or = in a label needs double quotes, as {listed_name(signs[0])}"
        if signs
        else ""
    )


def _plain(text: str) -> str:
    return label_name(text) or text


def changed_labels(before: Sequence[str], now: Sequence[str]) -> str:
    """Return for people which labels are missing and which are new, or their two orders."""
    missing = [name for name in before if name not in now]
    new = [name for name in now if name not in before]
    told = [
        f"{what}: {shown(names)}" for what, names in (("missing", missing), ("new", new)) if names
    ]
    return "; ".join(told) or f"{shown(list(now))} instead of {shown(list(before))}"


def shown(names: list[str]) -> str:
    """Return the first names for people."""
    return ", ".join(map(repr, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")
