"""Command line of the sweep."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from flows.command_line import read_command
from flows.many_trainings import Trainings, TrainingsOptions, show_report
from flows.sweep_text import sweep_columns, sweep_rows, sweep_sentences
from tasks.errors import InvalidConfigError
from tasks.search_space import read_space
from tasks.sweep_config import SweepConfig
from tasks.sweep_report import SweepReport
from tasks.training_config import ProtocolConfig

_SHOWN = 10


@dataclass(frozen=True)
class SweepOptions(Trainings):
    """What the command line asks for."""

    sweep: SweepConfig


def read_options(arguments: Sequence[str] | None = None) -> SweepOptions:
    """Return the checked options of the command line; ends the process on `--help` or a fault.

    Args:
        arguments: The words after the program's name; those of this process by default.
    """
    return read_command(
        "sweep_flow.py",
        "Search for better numbers on the validation reviews, and score the winner once.",
        _options,
        SweepOptions,
        arguments,
    )


def _options(
    *,
    sweep: Annotated[SweepConfig, Parameter(name="*", group="Sweep")] = SweepConfig(),
    trainings: TrainingsOptions = TrainingsOptions(),
) -> SweepOptions:
    checked = trainings.checked()
    require_honest(checked["config"].protocol)
    read_space(sweep.space, checked["config"])
    return SweepOptions(sweep=sweep, **checked)


def require_honest(protocol: ProtocolConfig) -> None:
    """Refuse a protocol that chooses on the test reviews.

    Raises:
        InvalidConfigError: It does.
    """
    if protocol.protocol != "honest":
        raise InvalidConfigError(
            f"protocol={protocol.protocol!r}: must be 'honest', since a sweep that chooses on the"
            " test reviews leaves none to judge by"
        )


def show(report: SweepReport) -> None:
    """Print the best trials and the sentences."""
    show_report(sweep_columns(report), sweep_rows(report, _SHOWN), sweep_sentences(report))
