"""What commands print: answers, tables, and faults in one sentence."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, NoReturn

from cyclopts import Parameter
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from tasks.common.canonical_json import readable_json
from tasks.common.formatting import printable, without_credentials
from tasks.common.records import Record, is_utf8
from tasks.common.tables import Table
from tasks.model.own.trust import trust_code

Showable = RenderableType | Table


def _require_utf8(_: object, path: Path) -> None:
    if not is_utf8(path):
        raise ValueError(f"{path}: its name is not UTF-8; choose another folder")


ArtifactsOption = Annotated[
    Path, Parameter(help="Folder of the cache and the runs.", validator=_require_utf8)
]
ARTIFACTS = Path("artifacts")


def _trust(_: object, sha256: str | None) -> None:
    if sha256 is not None:
        trust_code(sha256)


TrustOption = Annotated[
    str | None,
    Parameter(
        help="Run the code of a network of this SHA-256, though it was not trained here.",
        validator=_trust,
    ),
]
EXIT_FAILED = 1

OUTPUT = "SENTIMENT_OUTPUT"
"""Names the variable by which a command tells its processes: `quiet`, `verbose`, or neither."""

WIDE = 110
"""Characters of a terminal from which on tables have room."""

_EXIT_USAGE = 2


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """What every command takes."""

    artifacts: ArtifactsOption = ARTIFACTS
    json: Annotated[bool, Parameter(help="Print JSON.", negative=())] = False
    trust_code: TrustOption = None


def set_output(*, quiet: bool, verbose: bool) -> None:
    """Have this process and those that it starts print less, or the lines of all libraries."""
    if verbose:
        os.environ |= {OUTPUT: "verbose", "TF_CPP_MIN_LOG_LEVEL": "0"}
    elif quiet:
        os.environ[OUTPUT] = "quiet"


def fail(sentence: str, *, usage: bool = False) -> NoReturn:
    """Print one sentence to the error output and end the process with a non-zero status."""
    show_error(sentence)
    sys.exit(_EXIT_USAGE if usage else EXIT_FAILED)


def show_error(sentence: str) -> None:
    """Print one sentence to the error output."""
    remark(f"error: {sentence}", style="bold red")


def end_in_one_line(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Say that a person has ended this process, and how to resume; for `sys.excepthook`."""
    if issubclass(kind, KeyboardInterrupt):
        show_error("interrupted; what was finished is kept: start the same command to resume")
    else:
        sys.__excepthook__(kind, error, trace)


def remark(sentence: str, style: str = "") -> None:
    """Print what is no answer to the error output, on one line."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text(printable(without_credentials(sentence)), style))


def answer(
    result: Record | Mapping[str, object], shown: Sequence[Showable], options: Options
) -> None:
    """Print a result: for a person, or as JSON where requested."""
    if options.json:
        known = result.model_dump(mode="json") if isinstance(result, Record) else dict(result)
        sys.stdout.buffer.write(readable_json(known).encode())
    else:
        show_lines(*shown)


def show_lines(*shown: Showable) -> None:
    """Print tables and lines; lines are not broken, and no character steers the terminal."""
    console = Console(highlight=False)
    for part in shown:
        if isinstance(part, Table):
            console.print(_for_terminal(part, console.width))
            for line in _below(part, console.width):
                console.print(Text(printable(line)))
            for note in part.notes:
                console.print(Text(printable(note), "dim"), soft_wrap=True)
        elif isinstance(part, str | Text):
            text = Text(part) if isinstance(part, str) else part
            text.plain = printable(without_credentials(text.plain))
            console.print(text, soft_wrap=True)
        else:
            console.print(part)


def _for_terminal(table: Table, width: int) -> RichTable:
    """Return a table without frames, in which long texts are folded where there is little room."""
    rich = RichTable(box=box.SIMPLE_HEAD, padding=(0, int(width >= WIDE), 0, 0), show_edge=False)
    long = _long_columns(table, width)
    shown = [
        place
        for place, column in enumerate(table.columns)
        if not column.is_extra and place not in long
    ]
    for column in (table.columns[place] for place in shown):
        rich.add_column(
            Text(printable(column.head)),
            justify="right" if column.is_number else "left",
            no_wrap=column.is_number,
            min_width=column.width,
            overflow="fold",
        )
    for place, row in enumerate(table.rows):
        style = "dim" if place in table.quiet else ""
        cells = ((printable(row[column]), table.columns[column].styles) for column in shown)
        rich.add_row(*(Text(cell, styles.get(cell, "")) for cell, styles in cells), style=style)
    return rich


def _long_columns(table: Table, width: int) -> list[int]:
    """Return the columns that a narrow terminal shows below a table, where they are several."""
    long = [place for place, column in enumerate(table.columns) if column.is_long]
    return long if width < WIDE and len(long) > 1 else []


def _below(table: Table, width: int) -> list[str]:
    long = _long_columns(table, width)
    return [": ".join(row[place] for place in (0, *long)) for row in table.rows] if long else []
