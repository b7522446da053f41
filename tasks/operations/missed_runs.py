"""What becomes of runs that came due while nothing could start them: one catch-up run.

After a time without a server or a process to run them, Prefect starts every run that was missed.
The first that begins does the work of all, since each would train on what there is now.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from tasks.common.records import Record

Progress = Literal["waits", "turned away", "running", "done", "ended"]


class DueRun(Record):
    """A run of a deployment: when it was due, when it claimed its turn, how far it came.

    `claimed` is when it left the queue, or when another run in progress turned it away;
    where it waits, since when. `ended` is an end without a result: skipped in favour of another
    run, cancelled, crashed or failed.
    """

    id: str
    due: datetime
    claimed: datetime | None
    by_schedule: bool
    progress: Progress


def caught_up_by(run: DueRun, others: Iterable[DueRun]) -> DueRun | None:
    """Return the run that has done the work of `run` since it was due, None where none has."""
    if not run.by_schedule:
        return None
    done = (other for other in _but(run, others) if other.progress == "done")
    since = (one for one in done if one.claimed and one.claimed > run.due and _first(one, run))
    return next(since, None)


def missed_before(run: DueRun, others: Iterable[DueRun], now: datetime) -> list[DueRun]:
    """Return the scheduled runs whose work `run` does, oldest first.

    Those are the ones that were due by `now` and still wait, and those that Prefect turned away
    after `run` had claimed its turn. One that was turned away earlier met another run.
    """
    missed = [
        other
        for other in _but(run, others)
        if other.by_schedule and other.due <= now
        if other.progress == "waits" or (other.progress == "turned away" and _first(run, other))
    ]
    return sorted(missed, key=lambda other: other.due)


def abandoned_before(run: DueRun, others: Iterable[DueRun]) -> list[DueRun]:
    """Return the runs that are said to be running, but cannot be, since `run` has the turn."""
    return [
        other for other in _but(run, others) if other.progress == "running" and _first(other, run)
    ]


def _but(run: DueRun, others: Iterable[DueRun]) -> Iterable[DueRun]:
    return (other for other in others if other.id != run.id)


def _first(one: DueRun, other: DueRun) -> bool:
    return one.claimed is not None and other.claimed is not None and one.claimed < other.claimed
