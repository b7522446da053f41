"""Describe runs: one line for a list, or all that its folder says of one."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from tasks.common.records import Record
from tasks.config.training import ChangedSetting, changed_settings
from tasks.runs.find import FoundRuns, Run, UnreadableRun
from tasks.runs.manifest import Manifest
from tasks.runs.read import read_checked, read_config


class RunLabel(Record):
    """What stands before the scores of a run, which are never shown without source and protocol."""

    run_id: str
    folder: Path
    created: str
    source: str
    protocol: str


class RunLine(RunLabel):
    """What a list says of a run."""

    seed: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    baseline_accuracy: float
    best_epoch: int
    epochs_run: int
    all_cached: bool
    is_champion: bool
    is_pinned: bool


class RunList(Record):
    """The runs of an artifacts folder, newest first, and what cannot be read."""

    runs: list[RunLine]
    unreadable: list[UnreadableRun]


class RunDetails(Record):
    """A run with its metrics, the sizes of its data and what its config changes."""

    folder: Path
    manifest: Manifest
    metrics: dict[str, Any]
    changed_settings: list[ChangedSetting]
    data: dict[str, Any]
    is_champion: bool


def list_runs(
    found: FoundRuns, champion: str | None = None, pinned: Collection[str] = ()
) -> RunList:
    """Return one line for each run; `champion` and `pinned` are the ids of the runs to mark."""
    runs = [_line(run, champion, pinned) for run in found.runs]
    return RunList(runs=runs, unreadable=found.unreadable)


def describe_run(run: Run, champion: str | None = None) -> RunDetails:
    """Return the details of `run`."""
    return RunDetails(
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


def is_all_cached(manifest: Manifest) -> bool:
    """Tell whether every step that can come from the cache did."""
    return all(step.cached for step in manifest.steps if step.key is not None)


def _line(run: Run, champion: str | None, pinned: Collection[str]) -> RunLine:
    manifest = run.manifest
    return RunLine(
        **label_of(run),
        seed=manifest.seed,
        **manifest.score.model_dump(include={"accuracy", "accuracy_low", "accuracy_high"}),
        baseline_accuracy=manifest.baseline.accuracy,
        **manifest.training.model_dump(),
        all_cached=is_all_cached(manifest),
        is_champion=manifest.run_id == champion,
        is_pinned=manifest.run_id in pinned,
    )
