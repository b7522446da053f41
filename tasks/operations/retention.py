"""Remove what retention has planned; safe to be killed at any moment."""

import logging
import shutil
from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import nlargest
from pathlib import Path

from tasks.common.atomic_files import sync_folder, temporary_path
from tasks.common.records import Record
from tasks.config.operations import RetentionConfig
from tasks.operations.inventory import Found, Kind

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

    A folder is first renamed to what a killed process leaves, so that nobody sees a part of it; the
    next maintenance removes what remains of it. An OSError says that something cannot be removed;
    what was removed before stays so.
    """
    freed = 0
    for removal in removals:
        for path in removal.paths:
            _remove(path)
        freed += removal.size
        _LOG.info("removed the %s %s: %s", removal.kind, removal.name, removal.why)
    return freed


def _remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    hidden = temporary_path(path.parent)
    path.replace(hidden)
    sync_folder(path.parent)
    shutil.rmtree(hidden)


def plan_retention(
    found: Sequence[Found], protected: Collection[str], config: RetentionConfig, now: float
) -> list[Removal]:
    """Return what to remove, in the order in which it is safe to be interrupted.

    A cached result goes when no kept run used it and it is old; a stored file goes when no
    kept result names it. A run that cannot be read is kept: a person has to look at it.

    `protected` are the names of the runs that are kept whatever their age: pinned ones and those
    that were champion. `now` is in seconds since 1970.
    """
    runs = [one for one in found if one.kind == "run"]
    kept = _kept_runs(runs, protected, config.keep_runs)
    used = {key for run in runs if run.name in kept for key in run.keys or ()}
    oldest, oldest_failure = (
        now - days * _DAY_S for days in (config.keep_unused_days, config.keep_failures_days)
    )

    def is_needed(result: Found) -> bool:
        return bool(used & (result.keys or set())) or result.changed > oldest

    named = {name for one in found if is_needed(one) for name in one.objects}
    stays: dict[Kind, Callable[[Found], bool]] = {
        "run": lambda one: one.name in kept,
        "cached result": is_needed,
        "stored file": lambda one: one.paths[0].name in named,
        "training": lambda one: one.changed > oldest,
        "failure record": lambda one: one.changed > oldest_failure,
        "leftover": lambda _: False,
    }
    why: dict[Kind, str] = {
        "run": f"not among the newest {config.keep_runs}, pinned or champion",
        "cached result": "no kept run used it",
        "stored file": "no kept result names it",
        "training": "it was not resumed",
        "failure record": f"older than {config.keep_failures_days:g} days",
        "leftover": "a process was killed while it wrote this",
    }
    return [
        Removal(kind=one.kind, name=one.name, paths=one.paths, why=why[one.kind], size=one.size)
        for one in found
        if not stays[one.kind](one)
    ]


def _kept_runs(runs: list[Found], protected: Collection[str], newest: int) -> set[str]:
    """Return the names of the newest, the protected and the unreadable runs."""
    readable = [run for run in runs if run.keys is not None]
    recent = nlargest(newest, readable, key=lambda run: (run.changed, run.name))
    unreadable = [run for run in runs if run.keys is None]
    return {run.name for run in (*recent, *unreadable)} | set(protected)
