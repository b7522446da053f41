"""What the commands about finished runs share: their options, their answers, plain faults."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from pydantic import ValidationError
from rich.console import Console, RenderableType
from rich.text import Text

from flows.train_command import fail
from tasks.canonical_json import readable_json
from tasks.errors import InvalidConfigError, PipelineError
from tasks.training_config import describe_invalid


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """What every command takes."""

    artifacts: Annotated[Path, Parameter(help="Folder of the cache and the runs.")] = Path(
        "artifacts"
    )
    json: Annotated[bool, Parameter(help="Print JSON.", negative=())] = False


def run_command(app: App, arguments: Sequence[str] | None) -> object:
    """Run one command and return its result; a mistake or a fault ends the process with a sentence.

    Args:
        app: Has the commands.
        arguments: The words after the program's name; those of this process by default.
    """
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


def answer(result: Mapping[str, object], shown: Sequence[RenderableType], options: Options) -> None:
    """Print a result: for a person, or as JSON where that is asked for."""
    if options.json:
        sys.stdout.write(readable_json(dict(result)))
    else:
        show_lines(*shown)


def show_lines(*shown: RenderableType) -> None:
    """Print tables and lines; lines are not broken."""
    console = Console(highlight=False)
    for part in shown:
        console.print(part, soft_wrap=isinstance(part, str | Text), markup=False)
