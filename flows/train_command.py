"""Command line of the training flow: options from the config, answers before Prefect loads."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import Parameter
from pydantic import Field
from rich.text import Text

from flows.command_line import (
    ARTIFACTS,
    AcceleratorOption,
    ArtifactsOption,
    read_command,
    show_lines,
)
from flows.config_options import ConfigOptions
from tasks.data_parallel import require_divisible
from tasks.drift_config import DriftConfig
from tasks.errors import InvalidConfigError
from tasks.monitoring_config import HEARTBEAT_SECONDS
from tasks.own_sources import sources_at_start
from tasks.process_memory import keep_memory_together
from tasks.promotion_config import PromotionConfig, require_promotable
from tasks.recipe_book import DEFAULT_RECIPE, recipes
from tasks.report_tables import steps_table
from tasks.run_manifest import RunSummary, Score
from tasks.select_accelerator import select_accelerator
from tasks.source_files import source_label
from tasks.training_config import CachedStep, Source, SourceConfig, TrainingConfig

G = TypeVar("G", PromotionConfig, DriftConfig)

# Nothing about a run leaves the machine, a busy machine may take long to start the server, a
# server that is lost for half a minute is waited for but not much longer, a run says often that it
# lives, and this project's log lines are shown. Set before Prefect is imported, which reads them.
_PREFECT_SETTINGS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_CLIENT_MAX_RETRIES": "4",
    "PREFECT_API_REQUEST_TIMEOUT": "30",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks,flows",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


class _CommandSource(SourceConfig):
    """The command line takes what it can get; the flow asks for one source."""

    source: Source = Field("auto", description=SourceConfig.model_fields["source"].description)


@Parameter(name="*")
@dataclass(frozen=True)
class _CommandConfig(ConfigOptions):
    """A config whose source is found."""

    source: Annotated[_CommandSource, Parameter(name="*", group="Source")] = _CommandSource()


@dataclass(frozen=True)
class TrainOptions:
    """What the command line asks for."""

    config: TrainingConfig
    accelerator: str
    artifacts: Path
    refresh: tuple[CachedStep, ...] = ()
    cache: bool = True
    promotion: PromotionConfig | None = None
    drift: DriftConfig | None = None


def read_options(arguments: Sequence[str] | None = None) -> TrainOptions:
    """Return the checked options of the command line; ends the process on `--help` or a fault.

    Args:
        arguments: The words after the program's name; those of this process by default.
    """
    return read_command(
        "train_flow.py",
        "Train the sentiment network on movie reviews and leave a versioned run folder.",
        _options,
        TrainOptions,
        arguments,
    )


def _options(
    *,
    list_recipes: Annotated[
        bool, Parameter(help="Print all recipes with their scores and costs.", negative=())
    ] = False,
    options: _CommandConfig = _CommandConfig(),
    accelerator: AcceleratorOption = "auto",
    artifacts: ArtifactsOption = ARTIFACTS,
    refresh: Annotated[
        tuple[CachedStep, ...] | None,
        Parameter(
            help="Compute these steps again; all of them where none is named.",
            negative=(),
            consume_multiple=True,
        ),
    ] = None,
    cache: Annotated[
        bool, Parameter(help="Look up and keep results; without, nothing can be resumed.")
    ] = True,
    promote: Annotated[
        bool,
        Parameter(help="Make the run the champion if it passes all gates.", negative=()),
    ] = False,
    promotion: Annotated[
        PromotionConfig | None, Parameter(name="promotion", group="Gates of --promote")
    ] = None,
    check_drift: Annotated[
        bool,
        Parameter(
            help="Compare the training reviews with the champion's before training.", negative=()
        ),
    ] = False,
    drift: Annotated[
        DriftConfig | None, Parameter(name="drift", group="Bounds of --check-drift")
    ] = None,
) -> TrainOptions | None:
    if list_recipes:
        show_lines(*_recipe_lines())
        return None
    gates = _asked_for(promote, promotion, PromotionConfig, "--promotion", "--promote")
    bounds = _asked_for(check_drift, drift, DriftConfig, "--drift", "--check-drift")
    config = options.config()
    require_promotable(gates, config.protocol)
    require_divisible(config.fit, select_accelerator(accelerator))
    return TrainOptions(
        config=config,
        accelerator=accelerator,
        artifacts=artifacts.expanduser(),
        refresh=("all",) if refresh == () else refresh or (),
        cache=cache,
        promotion=gates,
        drift=bounds,
    )


def _recipe_lines() -> list[str | Text]:
    """Return what each recipe is, scores and costs, and how it is trained."""
    found = recipes()
    first = found[DEFAULT_RECIPE].expected.cpu_seconds
    shown: list[str | Text] = []
    for recipe in found.values():
        expected = recipe.expected
        shown += [
            Text(recipe.name, style="bold"),
            f"  {recipe.description}",
            f"  test accuracy {expected.accuracy:.4f} ± {expected.spread:.4f} over"
            f" {expected.seeds} seeds; {expected.cpu_seconds:.0f} s of processor time,"
            f" {expected.cpu_seconds / first:.2f} of {DEFAULT_RECIPE}'s",
            f"  {recipe.command}",
        ]
    return [*shown, "", "Honest protocol, official IMDB split. More: docs/recipes.md"]


def _asked_for(asked: bool, given: G | None, group: type[G], options: str, flag: str) -> G | None:  # noqa: FBT001
    """Return the group of an optional step, None where the step is not asked for."""
    if given is not None and not asked:
        raise InvalidConfigError(f"options that begin with {options}. need {flag}")
    return (given or group()) if asked else None


def begin_process() -> None:
    """Note the source that this process runs, and set this project's defaults for it and Prefect.

    To be called before the flow and Prefect are imported. What the user has set stays.
    """
    sources_at_start()
    keep_memory_together()
    for name, value in _PREFECT_SETTINGS.items():
        os.environ.setdefault(name, value)


def headline(score: Score) -> str:
    """Return the score in one line, with what it was measured on and how."""
    return (
        f"Test Accuracy: {score.accuracy:.4f} (95 % interval {score.accuracy_low:.4f} to"
        f" {score.accuracy_high:.4f}; {score.protocol} protocol, {score.test_reviews:,} test"
        f" reviews, source {source_label(score.source, score.form)})"
    )


def print_summary(summary: RunSummary) -> None:
    """Print the score, the run folder, and what was cached."""
    score = Text(headline(summary.score), style="bold")
    show_lines(steps_table(summary.steps), score, f"Run folder: {summary.folder}")
    if summary.promotion is not None:
        show_lines(summary.promotion.headline)
