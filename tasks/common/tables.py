"""Tables for people: said once, shown in the terminal, in Markdown and on pages."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Column:
    """A column of a table.

    `is_number` sets it to the right, and no line of it is broken. `width` is how many characters of
    it stay side by side in a narrow terminal. `is_extra` leaves it out in the terminal. `is_long`
    has Markdown list its cells below the table, since Prefect's UI breaks no line of a table, and
    gives it room on pages.
    `styles` are the terminal's, by what a cell holds.
    """

    head: str
    is_number: bool = False
    width: int | None = None
    is_extra: bool = False
    is_long: bool = False
    styles: Mapping[str, str] = field(default_factory=dict)


class Table:
    """A head, rows of plain text, and a title that says what they are.

    Terminal and pages show the rows at the places `quiet` in grey. `notes` stand below the table.
    """

    def __init__(
        self,
        *columns: str | Column,
        rows: Iterable[Sequence[str]],
        title: str = "",
        quiet: Collection[int] = (),
        notes: Sequence[str] = (),
    ) -> None:
        """Take the columns, of which text alone is the head, and a cell for each in each row."""
        self.columns = [Column(one) if isinstance(one, str) else one for one in columns]
        self.rows = [list(row) for row in rows]
        self.title = title
        self.quiet = quiet
        self.notes = notes

    def without_empty_columns(self) -> Self:
        """Return the table without the columns of which every cell is empty."""
        kept = [n for n in range(len(self.columns)) if any(row[n] for row in self.rows)]
        self.columns = [self.columns[place] for place in kept]
        self.rows = [[row[place] for place in kept] for row in self.rows]
        return self

    def records(self) -> list[dict[str, str]]:
        """Return the cells of each row by the heads, as Prefect's table artifacts take them."""
        heads = [column.head for column in self.columns]
        return [dict(zip(heads, row, strict=True)) for row in self.rows]


def number(head: str) -> Column:
    """Return a column of numbers."""
    return Column(head, is_number=True)


def markdown(*parts: str | Sequence[str] | Table) -> str:
    """Return a page of Markdown.

    Text is Markdown already. Sequences become lists, and what their items and the cells of tables
    hold is no markup.
    """
    return "\n\n".join(part if isinstance(part, str) else _markdown(part) for part in parts) + "\n"


def _markdown(part: Sequence[str] | Table) -> str:
    if not isinstance(part, Table):
        return "\n".join(f"- {_plain(item)}" for item in part)
    long = [place for place, column in enumerate(part.columns) if column.is_long]
    short = [place for place, column in enumerate(part.columns) if not column.is_long]
    lines = [f"## {part.title}\n"] if part.title else []
    lines.append(f"| {' | '.join(part.columns[place].head for place in short)} |")
    lines.append(f"|{' --- |' * len(short)}")
    lines += [f"| {' | '.join(_plain(row[place]) for place in short)} |" for row in part.rows]
    if long:
        below = [": ".join(row[place] for place in (0, *long)) for row in part.rows]
        lines += ["", _markdown(below)]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return a text as one line that has no markup."""
    for mark in ("\\", "|", "<", "*", "_", "`"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
