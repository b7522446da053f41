"""What the commands that train many times have in common: options, and how a report is shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from flows.command_line import ARTIFACTS, AcceleratorOption, ArtifactsOption, show_lines
from flows.config_options import ConfigOptions
from tasks.data_parallel import require_divisible
from tasks.runner_config import RunnerConfig
from tasks.select_accelerator import select_accelerator
from tasks.training_config import TrainingConfig, require_pinned


@dataclass(frozen=True)
class Trainings:
    """What is trained, where, on what, and where it is kept; the names are those of the flows."""

    config: TrainingConfig
    runner: RunnerConfig
    accelerator: str
    artifacts: Path


@Parameter(name="*")
@dataclass(frozen=True)
class TrainingsOptions:
    """The options that make up `Trainings`."""

    runner: Annotated[RunnerConfig, Parameter(name="*", group="Where")] = RunnerConfig()
    config: ConfigOptions = ConfigOptions()
    accelerator: AcceleratorOption = "auto"
    artifacts: ArtifactsOption = ARTIFACTS

    def checked(self) -> dict[str, Any]:
        """Return the fields of `Trainings`.

        Raises:
            AcceleratorError: The accelerator is not there.
            InvalidConfigError: A value is unknown or impossible.
        """
        require_pinned(self.config.source)
        config = self.config.config()
        require_divisible(config.fit, select_accelerator(self.accelerator))
        return {
            "config": config,
            "runner": self.runner,
            "accelerator": self.accelerator,
            "artifacts": self.artifacts.expanduser().absolute(),
        }


def show_report(
    columns: Sequence[str], rows: Iterable[Sequence[str]], sentences: Iterable[str]
) -> None:
    """Print a table, in which long cells are folded, and sentences."""
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    show_lines(table, *sentences)
