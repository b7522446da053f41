"""What the commands share: options, answers, and faults that are told in one sentence."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import docstring_parser
from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from tasks.canonical_json import readable_json
from tasks.errors import InvalidConfigError, PipelineError
from tasks.run_text import printable
from tasks.tables import Table
from tasks.training_config import describe_invalid

T = TypeVar("T")

Showable = RenderableType | Table

ArtifactsOption = Annotated[Path, Parameter(help="Folder of the cache and the runs.")]
ARTIFACTS = Path("artifacts")
AcceleratorOption = Annotated[
    str, Parameter(help="auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).")
]

EXIT_FAILED = 1
WIDE = 110
"""Characters of a terminal from which on tables have room."""
_EXIT_USAGE = 2


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """What every command takes."""

    artifacts: ArtifactsOption = ARTIFACTS
    json: Annotated[bool, Parameter(help="Print JSON.", negative=())] = False


def run_command(app: App, arguments: Sequence[str] | None = None) -> object:
    """Run one command and return its result; a mistake or a fault ends the process with a sentence.

    Args:
        app: Has the commands.
        arguments: The words after the program's name; those of this process by default.
    """
    _read_docstrings_once()
    try:
        result: object = app(
            arguments, exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        cause = error.__cause__
        sentence = describe_invalid(cause) if isinstance(cause, ValidationError) else str(error)
        fail(sentence, usage=True)
    except PipelineError as error:
        fail(str(error), usage=isinstance(error, InvalidConfigError))
    except OSError as error:
        fail(f"{error.filename} cannot be used: {error.strerror}; mend it or name another one")
    return result


def _read_docstrings_once() -> None:
    """Keep what is read of a class's docstring, which makes --help twice as quick.

    Cyclopts reads the source of a base class anew for each class that has it, and all groups of
    options have pydantic's.
    """
    parse = docstring_parser.parse_from_object
    if not hasattr(parse, "cache_info"):
        docstring_parser.parse_from_object = cache(parse)


def read_command(
    program: str,
    purpose: str,
    command: Callable[..., T | None],
    kind: type[T],
    arguments: Sequence[str] | None,
) -> T:
    """Return what a command makes of its options; ends the process on `--help` or a fault.

    Args:
        program: Name of the program.
        purpose: What it does, in Markdown.
        command: Takes the options.
        kind: What it returns; None where it has said all that was asked for.
        arguments: The words after the program's name; those of this process by default.
    """
    app = App(name=program, help=purpose, version_flags=[], help_format="markdown")
    app.default(command)
    result = run_command(app, arguments)
    if result is None:
        sys.exit(0)
    assert isinstance(result, kind)
    return result


def fail(sentence: str, *, usage: bool = False) -> NoReturn:
    """Print one sentence to the error output and end the process with a non-zero status."""
    show_error(sentence)
    sys.exit(_EXIT_USAGE if usage else EXIT_FAILED)


def show_error(sentence: str) -> None:
    """Print one sentence to the error output."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"error: {sentence}", style="bold red", markup=False
    )


def answer(result: Mapping[str, object], shown: Sequence[Showable], options: Options) -> None:
    """Print a result: for a person, or as JSON where that is asked for."""
    if options.json:
        sys.stdout.write(readable_json(dict(result)))
    else:
        show_lines(*shown)


def show_lines(*shown: Showable) -> None:
    """Print tables and lines; lines are not broken, and no character steers the terminal."""
    console = Console(highlight=False)
    for part in shown:
        if isinstance(part, Table):
            console.print(_for_terminal(part, console.width))
        elif isinstance(part, str | Text):
            text = Text(part) if isinstance(part, str) else part
            text.plain = printable(text.plain)
            console.print(text, soft_wrap=True)
        else:
            console.print(part)


def _for_terminal(table: Table, width: int) -> RichTable:
    """Return a table without frames, in which long texts are folded where there is little room."""
    rich = RichTable(box=box.SIMPLE_HEAD, padding=(0, int(width >= WIDE), 0, 0), show_edge=False)
    shown = [place for place, column in enumerate(table.columns) if not column.is_extra]
    for column in (table.columns[place] for place in shown):
        rich.add_column(
            column.head,
            justify="right" if column.is_number else "left",
            no_wrap=column.is_number,
            min_width=column.width,
            overflow="fold",
        )
    for row in table.rows:
        cells = ((printable(row[place]), table.columns[place].styles) for place in shown)
        rich.add_row(*(Text(cell, style=styles.get(cell, "")) for cell, styles in cells))
    return rich
