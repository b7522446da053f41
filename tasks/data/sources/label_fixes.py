"""Labels that a person has corrected, row by row, from a table as `label-errors` writes it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tasks.common.errors import BadDataError, HintedError
from tasks.data.tables.fields import row_fault
from tasks.data.tables.labels import label_name, shown
from tasks.data.tables.rows import read_rows
from tasks.data.text.corpus import LabelledTokens

DROP = "drop"

COLUMNS = ("row", "label", "fix")


def with_label_fixes(
    train: LabelledTokens,
    held_out: np.ndarray,
    later: np.ndarray,
    names: Sequence[str],
    file: Path,
) -> LabelledTokens:
    """Return the training reviews with corrected labels, without those that are dropped.

    The file has the columns `row`, the number of a review in its source, `label`, what it has now,
    and `fix`, what it should have, a name of `names`, or `drop`; a row without a fix stays as it
    is. `held_out` are the numbers of the test reviews that come from the same source. A fix of a
    row that is not there yet, whose numbers are `later`, does nothing. A BadDataError names the
    first row of the file that does not fit.
    """
    labels, is_kept = train.labels.copy(), np.ones(len(train.labels), bool)
    is_fixed = np.zeros(len(labels), bool)
    for line, (row, label, fix) in enumerate(_fixes(file)):
        if not fix or (row.isdecimal() and _has(later, int(row))):
            continue
        try:
            place = _place(row, train.review_ids, held_out)
            _require_first(row, label, None if is_fixed[place] else names[labels[place]])
            if fix == DROP and DROP not in names:
                is_kept[place] = False
            else:
                labels[place] = _number(fix, names)
        except ValueError as error:
            raise row_fault(file, line, str(error)) from None
        is_fixed[place] = True
    fixed = replace(train, labels=labels)
    if not is_kept.any():
        raise BadDataError(f"{file}: drops every training review")
    return fixed if is_kept.all() else fixed.where(is_kept)


def fixes_by_row(file: Path) -> dict[int, tuple[str, str]]:
    """Return label and fix of each row that has one, of a file that reviews were read with."""
    return {int(row): (label, fix) for row, label, fix in _fixes(file) if fix}


def _place(row: str, rows: np.ndarray, held_out: np.ndarray) -> int:
    """Return where a row is among the training reviews, whose numbers ascend."""
    if not row.isdecimal():
        raise ValueError(f"{row!r} is no number of a row")
    if _has(rows, int(row)):
        return int(np.searchsorted(rows, int(row)))
    if int(row) in held_out:
        raise ValueError(
            f"row {row} is a test review, whose label stays as it is, so that all models are judged"
            " alike; take the row out of this file"
        )
    raise ValueError(f"row {row} is no training review: it is left out, or not in the table")


def _has(rows: np.ndarray, row: int) -> bool:
    place = np.searchsorted(rows, row)
    return bool(place < len(rows) and rows[place] == row)


def _require_first(row: str, label: str, now: str | None) -> None:
    if now is None:
        raise ValueError(f"row {row} has a second fix; leave one of them")
    if label_name(label) != now:
        raise ValueError(
            f"row {row} has the label {now!r}, not {label!r}: the file was made of another table or"
            " with other rules for labels; make it again"
        )


def _number(fix: str, names: Sequence[str]) -> int:
    name = label_name(fix)
    if name not in names:
        raise ValueError(
            f"there is no label {fix!r}, only {shown(list(names))}; or write {DROP} to leave the"
            " row out"
        )
    return names.index(name)


def _fixes(file: Path) -> Iterator[list[str]]:
    """Yield the fields of each row as text; a BadDataError says that one cannot be read."""
    try:
        yield from _read(file)
    except HintedError as error:  # it names options of the reviews' own files
        raise BadDataError(
            f"{error.args[0]}; give the table as label-errors writes it, with the columns"
            f" {', '.join(COLUMNS)}, in UTF-8"
        ) from None


def _read(file: Path) -> Iterator[list[str]]:
    first = 0
    for rows in read_rows(file, COLUMNS):
        columns = [column.to_pylist() for column in rows.columns]
        for place, (*fields, fault) in enumerate(
            zip(*columns, rows.errors.to_pylist(), strict=True)
        ):
            if fault:
                raise row_fault(file, first + place, fault)
            yield [(field or "").strip() for field in fields]
        first += len(rows)
