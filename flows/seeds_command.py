"""Command line of the comparison of seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from flows.command_line import read_command
from flows.many_trainings import Trainings, TrainingsOptions, show_report
from flows.seeds_text import COLUMNS, seeds_rows, seeds_sentences
from tasks.seeds_config import SeedsConfig
from tasks.seeds_report import SeedsReport


@dataclass(frozen=True)
class SeedsOptions(Trainings):
    """What the command line asks for."""

    seeds: SeedsConfig


def read_options(arguments: Sequence[str] | None = None) -> SeedsOptions:
    """Return the checked options of the command line; ends the process on `--help` or a fault.

    Args:
        arguments: The words after the program's name; those of this process by default.
    """
    return read_command(
        "seeds_flow.py",
        "Train with several seeds, under both protocols, and show what they say together.",
        _options,
        SeedsOptions,
        arguments,
    )


def _options(
    *,
    seeds: Annotated[SeedsConfig, Parameter(name="*", group="Seeds")] = SeedsConfig(),
    trainings: TrainingsOptions = TrainingsOptions(),
) -> SeedsOptions:
    return SeedsOptions(seeds=seeds, **trainings.checked())


def show(report: SeedsReport) -> None:
    """Print the table and its sentences."""
    show_report(COLUMNS, seeds_rows(report), seeds_sentences(report))
