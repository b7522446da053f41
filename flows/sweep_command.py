"""Command line of the sweep."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from flows.command_line import (
    ARTIFACTS,
    AcceleratorOption,
    ArtifactsOption,
    read_command,
    show_lines,
)
from flows.config_options import ConfigOptions
from flows.sweep_text import sweep_columns, sweep_rows, sweep_sentences
from tasks.data_parallel import require_divisible
from tasks.errors import InvalidConfigError
from tasks.runner_config import RunnerConfig
from tasks.search_space import read_space
from tasks.select_accelerator import select_accelerator
from tasks.sweep_config import SweepConfig
from tasks.sweep_report import SweepReport
from tasks.training_config import ProtocolConfig, TrainingConfig, require_pinned

_SHOWN = 10


@dataclass(frozen=True)
class SweepOptions:
    """What the command line asks for."""

    config: TrainingConfig
    sweep: SweepConfig
    runner: RunnerConfig
    accelerator: str
    artifacts: Path


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
    runner: Annotated[RunnerConfig, Parameter(name="*", group="Where")] = RunnerConfig(),
    config: ConfigOptions = ConfigOptions(),
    accelerator: AcceleratorOption = "auto",
    artifacts: ArtifactsOption = ARTIFACTS,
) -> SweepOptions:
    require_pinned(config.source)
    made = config.config()
    require_honest(made.protocol)
    read_space(sweep.space, made)
    require_divisible(made.fit, select_accelerator(accelerator))
    return SweepOptions(
        config=made,
        sweep=sweep,
        runner=runner,
        accelerator=accelerator,
        artifacts=artifacts.expanduser().absolute(),
    )


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
    table = Table()
    for column in sweep_columns(report):
        table.add_column(column, overflow="fold")
    for row in sweep_rows(report, _SHOWN):
        table.add_row(*row)
    show_lines(table, *sweep_sentences(report))
