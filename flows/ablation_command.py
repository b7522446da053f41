"""Command line of the ablation of the text form."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.ablation_text import COLUMNS, ablation_rows, ablation_sentences
from flows.command_line import (
    ARTIFACTS,
    AcceleratorOption,
    ArtifactsOption,
    read_command,
    show_lines,
)
from flows.config_options import ConfigOptions
from flows.run_tables import plain_table
from tasks.ablation import text_variants
from tasks.ablation_config import AblationConfig
from tasks.ablation_report import AblationReport
from tasks.data_parallel import require_divisible
from tasks.runner_config import RunnerConfig
from tasks.select_accelerator import select_accelerator
from tasks.training_config import TrainingConfig, require_pinned


@dataclass(frozen=True)
class AblationOptions:
    """What the command line asks for."""

    config: TrainingConfig
    ablation: AblationConfig
    runner: RunnerConfig
    accelerator: str
    artifacts: Path


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
    runner: Annotated[RunnerConfig, Parameter(name="*", group="Where")] = RunnerConfig(),
    config: ConfigOptions = ConfigOptions(),
    accelerator: AcceleratorOption = "auto",
    artifacts: ArtifactsOption = ARTIFACTS,
) -> AblationOptions:
    require_pinned(config.source)
    made = config.config()
    text_variants(made, ablation)  # refused before anything starts
    require_divisible(made.fit, select_accelerator(accelerator))
    return AblationOptions(
        config=made,
        ablation=ablation,
        runner=runner,
        accelerator=accelerator,
        artifacts=artifacts.expanduser().absolute(),
    )


def show(report: AblationReport) -> None:
    """Print the table and its sentences."""
    table = plain_table(*COLUMNS)
    for row in ablation_rows(report):
        table.add_row(*row)
    show_lines(table, *ablation_sentences(report))
