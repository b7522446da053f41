"""Command line of the comparison of seeds."""

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
from flows.seeds_text import COLUMNS, seeds_rows, seeds_sentences
from tasks.data_parallel import require_divisible
from tasks.runner_config import RunnerConfig
from tasks.seeds_config import SeedsConfig
from tasks.seeds_report import SeedsReport
from tasks.select_accelerator import select_accelerator
from tasks.training_config import TrainingConfig, require_pinned


@dataclass(frozen=True)
class SeedsOptions:
    """What the command line asks for."""

    config: TrainingConfig
    seeds: SeedsConfig
    runner: RunnerConfig
    accelerator: str
    artifacts: Path


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
    runner: Annotated[RunnerConfig, Parameter(name="*", group="Where")] = RunnerConfig(),
    config: ConfigOptions = ConfigOptions(),
    accelerator: AcceleratorOption = "auto",
    artifacts: ArtifactsOption = ARTIFACTS,
) -> SeedsOptions:
    require_pinned(config.source)
    made = config.config()
    require_divisible(made.fit, select_accelerator(accelerator))
    return SeedsOptions(
        config=made,
        seeds=seeds,
        runner=runner,
        accelerator=accelerator,
        artifacts=artifacts.expanduser().absolute(),
    )


def show(report: SeedsReport) -> None:
    """Print the table and its sentences."""
    table = Table()
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for row in seeds_rows(report):
        table.add_row(*row)
    show_lines(table, *seeds_sentences(report))
