"""Remove what retention has planned; safe to be killed at any moment."""

import logging
import shutil
from collections.abc import Collection, Iterable
from heapq import nlargest
from pathlib import Path

from tasks.common.atomic_files import sync_folder, temporary_path
from tasks.common.records import Record
from tasks.config.operations import RetentionConfig
from tasks.operations.inventory import FoundFile, FoundRun, Inventory

_LOG = logging.getLogger(__name__)

_DAY_S = 86_400


class Removal(Record):
    """Something to remove: of which kind, its paths in the order of removal, why, its bytes."""

    kind: str
    name: str
    paths: tuple[Path, ...]
    why: str
    size: int


def apply_retention(removals: Iterable[Removal]) -> int:
    """Remove everything in the order of the plan and return the bytes that were freed.

    A folder is first renamed to what a killed process leaves, so that nobody sees a part of
    it; the next maintenance removes what remains of it.

    Raises:
        OSError: Something cannot be removed; what was removed before stays so.
    """
    freed = 0
    for removal in removals:
        for path in removal.paths:
            _remove(path)
        freed += removal.size
        _LOG.info("removed the %s %s: %s", removal.kind, removal.name, removal.why)
    return freed


def _remove(path: Path) -> None:
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    hidden = temporary_path(path.parent)
    path.replace(hidden)
    sync_folder(path.parent)
    shutil.rmtree(hidden)


def plan_retention(
    found: Inventory, protected: Collection[str], config: RetentionConfig, now: float
) -> list[Removal]:
    """Return what to remove, in the order in which it is safe to be interrupted.

    A cached result goes when no kept run used it and it is old; a stored file goes when no
    kept result names it. A run that cannot be read is kept: a person has to look at it.

    `protected` are the names of the runs that are kept whatever their age: pinned ones and those
    that were champion. `now` is in seconds since 1970.
    """
    kept = _kept_runs(found.runs, protected, config.keep_runs)
    used = {key for run in found.runs if run.path.name in kept for key in run.keys or ()}
    oldest, oldest_failure = (
        now - days * _DAY_S for days in (config.keep_unused_days, config.keep_failures_days)
    )
    unused = [e for e in found.entries if e.key not in used and e.changed <= oldest]
    unused_keys = {entry.key for entry in unused}
    named = {name for e in found.entries if e.key not in unused_keys for name in e.objects}
    why_run = f"not among the newest {config.keep_runs}, pinned or champion"
    why_failure = f"older than {config.keep_failures_days:g} days"
    return [
        *(
            _of_file("run", run.path.name, why_run, run)
            for run in found.runs
            if run.path.name not in kept
        ),
        *(
            Removal(
                kind="cached result",
                name=entry.key[: entry.key.index("/") + 13],
                paths=entry.paths,
                why="no kept run used it",
                size=entry.size,
            )
            for entry in unused
        ),
        *(
            _of_file("stored file", name[:12] + file.path.suffix, "no kept result names it", file)
            for name, file in found.objects.items()
            if name not in named
        ),
        *(
            _of_file("training", file.path.name[:12], "it was not resumed", file)
            for file in found.trainings
            if file.changed <= oldest
        ),
        *(
            _of_file("failure record", file.path.stem, why_failure, file)
            for file in found.failures
            if file.changed <= oldest_failure
        ),
        *(
            _of_file("leftover", file.path.name, "a process was killed while it wrote this", file)
            for file in found.leftovers
        ),
    ]


def _of_file(kind: str, name: str, why: str, file: FoundFile) -> Removal:
    return Removal(kind=kind, name=name, paths=(file.path,), why=why, size=file.size)


def _kept_runs(runs: list[FoundRun], protected: Collection[str], newest: int) -> set[str]:
    """Return the names of the newest, the protected and the unreadable runs."""
    readable = [run for run in runs if run.keys is not None]
    recent = nlargest(newest, readable, key=lambda run: (run.changed, run.path.name))
    unreadable = [run for run in runs if run.keys is None]
    return {run.path.name for run in (*recent, *unreadable)} | set(protected)
