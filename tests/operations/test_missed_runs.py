from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tasks.operations.missed_runs import (
    DueRun,
    Progress,
    abandoned_before,
    caught_up_by,
    missed_before,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

PROGRESS: list[Progress] = ["waits", "turned away", "running", "done", "ended"]


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def due_run(
    name: str,
    due: float,
    *,
    claimed: float | None = None,
    progress: Progress = "waits",
    by_schedule: bool = True,
) -> DueRun:
    return DueRun(
        id=name,
        due=minutes(due),
        claimed=None if claimed is None else minutes(claimed),
        by_schedule=by_schedule,
        progress=progress,
    )


PILE = [due_run(f"missed-{due}", due) for due in range(5)]
"""Five runs that were due while nothing could start them."""


def test_after_a_downtime_the_first_run_makes_up_for_all_that_wait() -> None:
    first = due_run("missed-0", 0, claimed=10, progress="running")
    assert caught_up_by(first, PILE[1:]) is None
    assert missed_before(first, PILE[1:], minutes(10)) == PILE[1:]


def test_a_run_that_is_due_later_is_left_alone() -> None:
    first = due_run("missed-0", 0, claimed=3.5, progress="running")
    assert missed_before(first, PILE[1:], minutes(3.5)) == PILE[1:4]


def test_a_missed_run_that_begins_after_its_work_was_done_says_by_which_run() -> None:
    done = due_run("missed-0", 0, claimed=10, progress="done")
    late = due_run("missed-4", 4, claimed=11, progress="running")
    assert caught_up_by(late, [done]) == done


def test_a_run_that_was_done_before_another_was_due_does_not_make_up_for_it() -> None:
    done = due_run("before", 0, claimed=1, progress="done")
    assert caught_up_by(due_run("now", 2, claimed=2, progress="running"), [done]) is None


def test_a_run_that_a_person_started_is_never_caught_up_nor_skipped() -> None:
    by_hand = due_run("by-hand", 1, claimed=11, progress="running", by_schedule=False)
    done = due_run("missed-0", 0, claimed=10, progress="done")
    assert caught_up_by(by_hand, [done]) is None
    waiting = due_run("by-hand-2", 1, by_schedule=False)
    assert missed_before(due_run("now", 2, claimed=3), [waiting], minutes(5)) == []


def test_a_run_that_was_turned_away_is_caught_up_by_the_one_it_met_only() -> None:
    met = due_run("now", 2, claimed=2, progress="running")
    turned_away = due_run("later", 3, claimed=3, progress="turned away")
    earlier = due_run("earlier", 1, claimed=1, progress="turned away")
    assert missed_before(met, [turned_away, earlier], minutes(4)) == [turned_away]


def test_a_run_is_abandoned_where_it_began_before_the_one_with_the_turn() -> None:
    dead = due_run("dead", 0, claimed=0, progress="running")
    starting = due_run("starting", 2, claimed=3, progress="running")
    now = due_run("now", 1, claimed=2, progress="running")
    assert abandoned_before(now, [dead, starting, now]) == [dead]


runs = st.lists(
    st.builds(
        due_run,
        due=st.integers(0, 20),
        claimed=st.none() | st.integers(0, 20),
        progress=st.sampled_from(PROGRESS),
        by_schedule=st.booleans(),
    ),
    max_size=12,
)


@given(runs, st.integers(0, 20), st.integers(0, 20))
def test_nothing_that_was_done_runs_or_is_due_later_is_ever_skipped(
    others: list[DueRun], due: int, now: int
) -> None:
    run = due_run("this", due, claimed=now, progress="running")
    missed = missed_before(run, [*others, run], minutes(now))
    assert run not in missed
    for other in missed:
        assert other.by_schedule
        assert other.due <= minutes(now)
        assert other.progress in ("waits", "turned away")
    for other in abandoned_before(run, [*others, run]):
        assert other.progress == "running"
        assert other.claimed is not None
        assert other.claimed < minutes(now)
