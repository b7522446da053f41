"""Tables and lists in Markdown, for Prefect's UI, whose tables cut long cells and wrap no line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; what a cell holds stays in it and is no markup."""
    lines = [columns, ["---"] * len(columns), *([_plain(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown_list(items: Iterable[str]) -> str:
    """Return a list of items, which are no markup."""
    return "\n".join(f"- {_plain(item)}" for item in items)


def _plain(text: str) -> str:
    for mark in ("\\", "|", "<", "*", "_", "`"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
