"""Describe runs: one line for a list, or all that its folder says of one."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from tasks.common.errors import PipelineError
from tasks.common.records import Record
from tasks.config.naming import Naming
from tasks.config.recipes import nearest_recipe
from tasks.config.training import ChangedSetting, Value, changed_settings, flat_config
from tasks.runs.find import FoundRuns, Run, UnreadableRun
from tasks.runs.manifest import Manifest
from tasks.runs.names import naming_fault, read_naming_of
from tasks.runs.read import read_checked, read_config, reading_runs

SortBy = Literal["when", "name", "accuracy", "reviews"]


class RunLabel(Record):
    """What stands before the scores of a run, which are never shown without source and protocol."""

    run_id: str
    folder: Path
    created: str
    source: str
    protocol: str


class RunLine(RunLabel):
    """What a list says of a run.

    `cached_steps` of the `steps` that can come from the cache did. `recipe` is the nearest one, and
    `changes` what differs from it; both are None where the config was written by another version of
    this project. `settings` has all fields of the config.
    """

    name: str
    tags: tuple[str, ...]
    note: str
    recipe: str | None
    changes: list[ChangedSetting] | None
    settings: dict[str, Value]
    train_reviews: int
    test_reviews: int
    seed: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    baseline_accuracy: float
    baseline_mark: str
    best_epoch: int
    epochs_run: int
    cached_steps: int
    steps: int
    is_champion: bool
    is_pinned: bool


_ORDERS: dict[SortBy, Callable[[RunLine], str | float]] = {
    "name": lambda line: line.name,
    "accuracy": lambda line: -line.accuracy,
    "reviews": lambda line: -line.train_reviews,
}


class RunList(Record):
    """The runs of an artifacts folder, newest first, and what cannot be read."""

    runs: list[RunLine]
    unreadable: list[UnreadableRun]


class RunDetails(Record):
    """A run with its metrics, the sizes of its data and what its config changes."""

    naming: Naming
    folder: Path
    manifest: Manifest
    metrics: dict[str, Any]
    changed_settings: list[ChangedSetting]
    data: dict[str, Any]
    is_champion: bool


def list_runs(
    found: FoundRuns,
    champion: str | None,
    pinned: Collection[str],
    *,
    tags: Collection[str],
    since: datetime | None,
    sort: SortBy,
    limit: int | None,
) -> RunList:
    """Return one line for each run with all tags since a time, and at most so many, in an order.

    `champion` and `pinned` are the ids of the runs to mark.
    """
    lines, unreadable = [], list(found.unreadable)
    for run in found.runs:
        if since and datetime.fromisoformat(run.manifest.created) < since:
            continue
        naming = read_naming_of(run.folder)
        if fault := naming_fault(run.folder):
            unreadable.append(UnreadableRun(folder=run.folder, reason=fault))
        if not set(tags) <= set(naming.tags):
            continue
        try:
            lines.append(_line(run, naming, champion, pinned))
        except PipelineError as error:
            unreadable.append(UnreadableRun(folder=run.folder, reason=str(error)))
        # The order of the runs is that of time already, and what comes later need not be read.
        if sort == "when" and len(lines) == limit:
            break
    if sort != "when":
        lines.sort(key=_ORDERS[sort])
    return RunList(runs=lines[:limit], unreadable=unreadable)


def differing_settings(runs: Sequence[RunLine]) -> list[str]:
    """Return the names of the settings in which runs differ from each other."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    return [
        name
        for name in names
        if any(run.settings.get(name) != runs[0].settings.get(name) for run in runs)
    ]


def describe_run(run: Run, champion: str | None) -> RunDetails:
    """Return the details of `run`; `champion` is the id of the champion's."""
    return RunDetails(
        naming=read_naming_of(run.folder),
        folder=run.folder,
        manifest=run.manifest,
        metrics=read_checked(run, "metrics.json"),
        changed_settings=changed_settings(read_config(run)),
        data=read_checked(run, "data_report.json"),
        is_champion=run.manifest.run_id == champion,
    )


def label_of(run: Run) -> dict[str, Any]:
    """Return the fields of the `RunLabel` of `run`."""
    manifest = run.manifest
    return {
        "run_id": manifest.run_id,
        "folder": run.folder,
        "created": manifest.created,
        "source": manifest.score.source_label,
        "protocol": manifest.score.protocol,
    }


def total_seconds(manifest: Manifest) -> float:
    """Return how long the steps of a run took together."""
    return sum(step.seconds for step in manifest.steps)


def count_cached(manifest: Manifest) -> dict[str, int]:
    """Return how many steps came from the cache, and how many can."""
    cached = [step.cached for step in manifest.steps if step.key is not None]
    return {"cached_steps": sum(cached), "steps": len(cached)}


def _line(run: Run, naming: Naming, champion: str | None, pinned: Collection[str]) -> RunLine:
    manifest = run.manifest
    recipe, changes, settings = _recipe(run)
    with reading_runs(run):
        train_reviews: int = read_checked(run, "data_report.json")["train"]["reviews"]
    return RunLine(
        **label_of(run),
        **naming.model_dump(),
        recipe=recipe,
        changes=changes,
        settings=settings,
        train_reviews=train_reviews,
        test_reviews=manifest.score.test_reviews,
        seed=manifest.seed,
        **manifest.score.model_dump(include={"accuracy", "accuracy_low", "accuracy_high"}),
        baseline_accuracy=manifest.baseline.accuracy,
        baseline_mark=manifest.baseline.sample_mark,
        **manifest.training.model_dump(),
        **count_cached(manifest),
        is_champion=manifest.run_id == champion,
        is_pinned=manifest.run_id in pinned,
    )


def _recipe(run: Run) -> tuple[str | None, list[ChangedSetting] | None, dict[str, Value]]:
    try:
        config = read_config(run)
    except PipelineError:  # of another version, or damaged: this hides no score
        return None, None, {}
    return *nearest_recipe(config), flat_config(config)
