"""What the commands share: options, answers, and faults that are reported in one sentence."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from cyclopts import App, Argument, CycloptsError
from docstring_parser.attrdoc import AttributeDocstrings
from pydantic import ValidationError

from flows.cli.help import WHOLE, Help
from flows.display.terminal import EXIT_FAILED, fail
from flows.orchestration.process import begin_process, set_process_up
from tasks.common.errors import AcceleratorError, InvalidConfigError, PipelineError
from tasks.config.training import describe_invalid

T = TypeVar("T")


@dataclass(frozen=True)
class Ready(Generic[T]):
    """What a command was told, checked, and what it starts with that."""

    parameters: T
    start: Callable[[T], object]
    """Imports the flow, for which the process is prepared before."""

    in_process: bool = True
    """Whether the flow runs in this process, which may need a temporary server."""


def main(app: App, arguments: Sequence[str] | None = None) -> None:
    """Run one command, and the flow that it asks for; a mistake or a fault ends the process."""
    result = run_command(app, arguments)
    if isinstance(result, Ready):
        begin_process(for_run=result.in_process)
        result.start(result.parameters)


def run_command(app: App, arguments: Sequence[str] | None) -> object:
    """Run one command and return its result; a mistake or a fault ends the process with a sentence.

    Its arguments are the words after the program's name, None stands for those of this process.
    """
    _read_no_source()
    set_process_up()
    words = _with_standard_input(app, sys.argv[1:] if arguments is None else arguments)
    for command in app.parse_commands(words)[1]:
        if isinstance(command.help_formatter, Help):
            command.help_formatter.whole = WHOLE in words
    try:
        result: object = app(
            words, exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        cause = error.__cause__
        sentence = describe_invalid(cause) if isinstance(cause, ValidationError) else str(error)
        fail(_with_options(sentence, app, words), usage=True)
    except (InvalidConfigError, AcceleratorError) as error:
        usage = isinstance(error, InvalidConfigError)
        fail(_with_options(str(error), app, words), usage=usage)
    except PipelineError as error:
        fail(str(error))
    except BrokenPipeError:
        # Nobody reads on, as with `| head`: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    except OSError as error:
        name = error.filename or "the standard output"
        fail(f"{name} cannot be used: {error.strerror}; fix it or name another one")
    return result


def _with_standard_input(app: App, arguments: Sequence[str]) -> list[str]:
    """Return the words with a lone hyphen as a value, of --file by itself; cyclopts refuses it."""
    if "-" not in arguments:
        return list(arguments)
    with_value = {
        name for one in _options_of(app, arguments) if one.token_count()[0] for name in one.names
    }
    words: list[str] = []
    for word in arguments:
        if word != "-":
            words.append(word)
        elif words and words[-1] in with_value:
            words[-1] += "=-"
        else:
            words.append("--file=-")
    return words


def _options_of(app: App, arguments: Sequence[str]) -> list[Argument]:
    """Return what the command takes that is asked for; nothing where that is a list of commands."""
    *_, command = app.parse_commands(arguments)[1]
    if command.default_command is None:
        return []
    return list(command.assemble_argument_collection())


def _with_options(sentence: str, app: App, arguments: Sequence[str]) -> str:
    """Return a sentence in which fields are named by their options: `--maxlen 7` for `maxlen=7`."""
    names = [name for part in _options_of(app, arguments) for name in part.names]
    if not names:
        return sentence
    fields = [name.removeprefix("--").rpartition(".")[2].replace("-", "_") for name in names]
    # Which of two options is at fault, the field does not tell.
    options = {
        field: name
        for field, name in zip(fields, names, strict=True)
        if name.startswith("--") and fields.count(field) == 1
    }
    name = f"(?<![\\w./-])({'|'.join(sorted(options, key=len, reverse=True))})"
    with_value = rf"{name}(?:=| (?='))(?:'([^\s']+)')?"
    sentence = re.sub(with_value, lambda m: f"{options[m[1]]} {m[2] or ''}", sentence)
    alone = rf"{name}(?![\w./'-])"
    return re.sub(alone, lambda m: options[m[1]] if "_" in m[1] else m[1], sentence)


def _read_no_source() -> None:
    """Have cyclopts read docstrings alone, no source of classes, which made up a fifth of --help.

    It looks there for docstrings of fields, of which pydantic tells it already.
    """
    AttributeDocstrings.get_attr_docs = lambda *_: {}  # type: ignore[method-assign]
