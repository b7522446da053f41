"""Predictions as lines of a table for people: as many lines as rows, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_LABEL_WIDTH = 12
_SMALLEST_TEXT = 20
_CHARACTERS_READ = 400
_FORM = "{row:>8}  {label:<12}  {probability:>11}  {tokens:>6}  {unknown:>7}  "


def table_head(label_names: tuple[str, str]) -> str:
    """Return the heading; the probability is that of the second label."""
    fields = {
        "row": "row",
        "label": "label",
        "probability": "probability",
        "tokens": "tokens",
        "unknown": "unknown",
    }
    name = label_names[1]
    return f"(probability of: {_shown(name, 40)})\n{_FORM.format(**fields)}text or error\n"


def prediction_lines(
    predicted: pa.RecordBatch, texts: pa.Array, first_row: int, width: int
) -> Iterator[str]:
    """Yield one line for each row.

    Args:
        predicted: Rows of `prediction_schema`.
        texts: The texts of these rows, of which the beginning is shown.
        first_row: Number of the first row.
        width: Characters of a line.
    """
    for row, (fields, text) in enumerate(
        zip(predicted.to_pylist(), texts, strict=True), start=first_row
    ):
        yield _line(row, fields, (text.as_py() or "")[:_CHARACTERS_READ], width)


def _line(row: int, fields: dict[str, Any], text: str, width: int) -> str:
    if fields["error"]:
        start = _FORM.format(row=row, label="-", probability="-", tokens="-", unknown="-")
        return f"{start}error: {fields['error']}\n"
    start = _FORM.format(
        row=row,
        label=_shown(fields["label"], _LABEL_WIDTH),
        probability=f"{fields['probability']:.4f}",
        tokens=fields["tokens"],
        unknown=f"{fields['unknown_share']:.0%}",
    )
    warning = f"[{fields['warning']}] " if fields["warning"] else ""
    left = max(_SMALLEST_TEXT, width - len(start) - len(warning))
    return f"{start}{warning}{_shown(text, left)}\n"


def _shown(text: str, width: int) -> str:
    """Return the beginning of a text without characters that would steer the terminal."""
    plain = "".join(
        character if character.isprintable() else " " if character in "\t\n\r" else "�"
        for character in text
    )
    return plain if len(plain) <= width else plain[: width - 1] + "…"
