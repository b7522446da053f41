"""Command line of the ablation of the text form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from flows.ablation_text import COLUMNS, ablation_rows, ablation_sentences
from flows.command_line import read_command, show_lines
from flows.many_trainings import Trainings, TrainingsOptions
from flows.run_tables import plain_table
from tasks.ablation import text_variants
from tasks.ablation_config import AblationConfig
from tasks.ablation_report import AblationReport


@dataclass(frozen=True)
class AblationOptions(Trainings):
    """What the command line asks for."""

    ablation: AblationConfig


def read_options(arguments: Sequence[str] | None = None) -> AblationOptions:
    """Return the checked options of the command line; ends the process on `--help` or a fault.

    Args:
        arguments: The words after the program's name; those of this process by default.
    """
    return read_command(
        "ablation_flow.py",
        "Train with other tokens and other words, and show what the form of the text matters.",
        _options,
        AblationOptions,
        arguments,
    )


def _options(
    *,
    ablation: Annotated[AblationConfig, Parameter(name="*", group="Ablation")] = AblationConfig(),
    trainings: TrainingsOptions = TrainingsOptions(),
) -> AblationOptions:
    checked = trainings.checked()
    text_variants(checked["config"], ablation)  # refused before anything starts
    return AblationOptions(ablation=ablation, **checked)


def show(report: AblationReport) -> None:
    """Print the table and its sentences."""
    table = plain_table(*COLUMNS)
    for row in ablation_rows(report):
        table.add_row(*row)
    show_lines(table, *ablation_sentences(report))
