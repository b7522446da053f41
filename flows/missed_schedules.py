"""At the begin of a run: close the runs that were missed, or find that another one made up for it.

Prefect keeps the runs that came due while nothing could start them, and starts them all later.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from prefect import get_client, runtime
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort

from flows.skipped import SKIPPED, not_done
from tasks.missed_runs import DueRun, Progress, made_up_by, missed_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

LOG = logging.getLogger("flows.missed_schedules")

_PAGE = 200
_TURNED_AWAY = "Deployment concurrency limit reached."
"""What Prefect says of a run that it cancels since the deployment's limit is reached."""


def take_turn() -> str | None:
    """Close the missed runs of this deployment; return why this run is not needed itself, if so.

    A run that no deployment started takes no part in this.
    """
    if runtime.flow_run.id is None or runtime.deployment.id is None:
        return None
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        flow_run_id = UUID(runtime.flow_run.id)
        run = _described(client.read_flow_run(flow_run_id)).model_copy(
            update={"claimed": _claimed(client, flow_run_id)}
        )
        others = [_described(other) for other in _others(client, run, now)]
        maker = made_up_by(run, others)
        if maker is not None:
            return f"it was due at {_shown(run.due)}; run {maker.name} has begun since"
        missed = missed_before(run, others, now)
        for other in missed:
            reason = f"it was due at {_shown(other.due)} and missed; run {run.name} makes up for it"
            client.set_flow_run_state(UUID(other.id), not_done(reason), force=True)
    if missed:
        LOG.info("this run makes up for %d missed ones as well", len(missed))
    return None


def _others(client: SyncPrefectClient, run: DueRun, now: datetime) -> Iterator[FlowRun]:
    """Yield the runs that may have done this one's work, or whose work this one does."""
    waiting = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=now),
    )
    begun = FlowRunFilter(start_time=FlowRunFilterStartTime(after_=run.due))
    turned_away = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLED])),
        end_time=FlowRunFilterEndTime(after_=run.claimed),
    )
    ours = FlowRunFilterDeploymentId(any_=[UUID(runtime.deployment.id)])
    for wanted in (waiting, begun, turned_away):
        yield from _pages(client, wanted.model_copy(update={"deployment_id": ours}))


def _pages(client: SyncPrefectClient, wanted: FlowRunFilter) -> Iterator[FlowRun]:
    offset = 0
    while page := client.read_flow_runs(
        flow_run_filter=wanted,
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=_PAGE,
        offset=offset,
    ):
        yield from page
        offset += len(page)


def _claimed(client: SyncPrefectClient, flow_run_id: UUID) -> datetime:
    """Return when a run left the queue for the last time; it holds the deployment's place since."""
    states = client.read_flow_run_states(flow_run_id)
    left = [state.timestamp for state in states if state.is_pending()]
    return max(left, default=datetime.now(UTC))


def _described(run: FlowRun) -> DueRun:
    progress = _progress(run)
    turned_away = run.state.timestamp if run.state and progress == "turned away" else None
    return DueRun(
        id=str(run.id),
        name=run.name,
        due=run.expected_start_time or datetime.now(UTC),
        claimed=turned_away or run.start_time,
        by_schedule=bool(run.auto_scheduled),
        progress=progress,
    )


def _progress(run: FlowRun) -> Progress:
    state = run.state
    if state is None or state.is_scheduled():
        return "waits"
    if not state.is_final():
        return "goes on"
    if state.is_cancelled() and state.message == _TURNED_AWAY and run.run_count == 0:
        return "turned away"
    return "done" if state.is_completed() and not _was_missed(run) else "ended"


def _was_missed(run: FlowRun) -> bool:
    return run.state is not None and run.state.name == SKIPPED and run.state.is_cancelled()


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
