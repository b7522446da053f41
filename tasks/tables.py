"""Tables for people: said once, shown in the terminal, in Markdown and on pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Column:
    """A column of a table.

    `is_number` sets it to the right, and no line of it is broken. `width` is how many characters of
    it stay side by side where there is little room. `is_extra` leaves it out in the terminal.
    `styles` are the terminal's, by the content of the cell.
    """

    head: str
    is_number: bool = False
    width: int | None = None
    is_extra: bool = False
    styles: Mapping[str, str] = field(default_factory=dict)


class Table:
    """A head, rows of plain text, and a title that says what they are."""

    def __init__(
        self, *columns: str | Column, rows: Iterable[Sequence[str]], title: str = ""
    ) -> None:
        """Take the columns, of which text alone is the head, and a cell for each in each row."""
        self.columns = [Column(one) if isinstance(one, str) else one for one in columns]
        self.rows = [list(row) for row in rows]
        self.title = title

    @property
    def heads(self) -> list[str]:
        """What stands above the columns."""
        return [column.head for column in self.columns]

    def records(self) -> list[dict[str, str]]:
        """Return the cells of each row by the heads, as Prefect's table artifacts take them."""
        return [dict(zip(self.heads, row, strict=True)) for row in self.rows]


def number(head: str) -> Column:
    """Return a column of numbers."""
    return Column(head, is_number=True)


def markdown(*parts: str | Sequence[str] | Table) -> str:
    """Return a page of Markdown.

    Args:
        parts: Text is Markdown already. Sequences become lists, and what their items and the cells
            of tables hold is no markup.
    """
    return "\n\n".join(_markdown(part) for part in parts) + "\n"


def _markdown(part: str | Sequence[str] | Table) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, Table):
        return "\n".join(f"- {plain_markdown(item)}" for item in part)
    rows = [map(plain_markdown, row) for row in part.rows]
    lines = [f"| {' | '.join(row)} |" for row in (part.heads, ["---"] * len(part.heads), *rows)]
    return "\n".join([f"## {part.title}\n", *lines] if part.title else lines)


def plain_markdown(text: str) -> str:
    """Return a text as one line of Markdown that has no markup."""
    for mark in ("\\", "|", "<", "*", "_", "`"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
