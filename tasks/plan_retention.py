"""Decide what of an artifacts folder is no longer needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Collection

    from tasks.artifact_inventory import FoundEntry, FoundRun, Inventory
    from tasks.retention_config import RetentionConfig

_DAY_S = 86_400


class Removal(Record):
    """Something to remove: of which kind, its paths in the order of removal, why, its bytes."""

    kind: str
    name: str
    paths: tuple[Path, ...]
    why: str
    size: int


def plan_retention(
    found: Inventory, protected: Collection[str], config: RetentionConfig, now: float
) -> list[Removal]:
    """Return what to remove, in the order in which it is safe to be interrupted.

    A cached result goes when no kept run used it and it is old; a stored file goes when no
    kept result names it. A run that cannot be read is kept: a person has to look at it.

    Args:
        found: What lies in the folder.
        protected: Names of the runs that are kept whatever their age: pinned ones and those
            that were champion.
        config: How much is kept.
        now: Seconds since 1970.
    """
    kept_runs = _kept_runs(found.runs, protected, config.keep_runs)
    used = {key for run in kept_runs for key in run.keys or ()}
    oldest = now - config.keep_unused_days * _DAY_S
    kept_entries = [entry for entry in found.entries if entry.key in used or entry.changed > oldest]
    return [
        *_runs_to_remove(found.runs, kept_runs, config.keep_runs),
        *_entries_to_remove(found.entries, kept_entries),
        *_objects_to_remove(found, kept_entries),
        *[
            Removal(
                kind="training",
                name=training.path.name[:12],
                paths=(training.path,),
                why="it was not gone on with",
                size=training.size,
            )
            for training in found.trainings
            if training.changed <= oldest
        ],
        *_failures_to_remove(found, config.keep_failures_days, now),
        *[
            Removal(
                kind="leftover",
                name=leftover.path.name,
                paths=(leftover.path,),
                why="a process was killed while it wrote this",
                size=leftover.size,
            )
            for leftover in found.leftovers
        ],
    ]


def _failures_to_remove(found: Inventory, days: float, now: float) -> list[Removal]:
    return [
        Removal(
            kind="failure record",
            name=failure.path.stem,
            paths=(failure.path,),
            why=f"older than {days:g} days",
            size=failure.size,
        )
        for failure in found.failures
        if failure.changed <= now - days * _DAY_S
    ]


def _kept_runs(runs: list[FoundRun], protected: Collection[str], newest: int) -> list[FoundRun]:
    readable = sorted(
        (run for run in runs if run.keys is not None),
        key=lambda run: (run.created, run.folder.name),
        reverse=True,
    )
    recent = {run.folder.name for run in readable[:newest]}
    return [
        run
        for run in runs
        if run.keys is None or run.folder.name in recent or run.folder.name in protected
    ]


def _runs_to_remove(runs: list[FoundRun], kept: list[FoundRun], newest: int) -> list[Removal]:
    names = {run.folder.name for run in kept}
    return [
        Removal(
            kind="run",
            name=run.folder.name,
            paths=(run.folder,),
            why=f"not among the newest {newest}, pinned or champion",
            size=run.size,
        )
        for run in runs
        if run.folder.name not in names
    ]


def _entries_to_remove(entries: list[FoundEntry], kept: list[FoundEntry]) -> list[Removal]:
    keys = {entry.key for entry in kept}
    return [
        Removal(
            kind="cached result",
            name=entry.key[: entry.key.index("/") + 13],
            paths=entry.paths,
            why="no kept run used it",
            size=entry.size,
        )
        for entry in entries
        if entry.key not in keys
    ]


def _objects_to_remove(found: Inventory, kept: list[FoundEntry]) -> list[Removal]:
    named = {name for entry in kept for name in entry.objects}
    return [
        Removal(
            kind="stored file",
            name=name[:12] + file.path.suffix,
            paths=(file.path,),
            why="no kept result names it",
            size=file.size,
        )
        for name, file in found.objects.items()
        if name not in named
    ]
