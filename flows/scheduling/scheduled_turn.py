"""The turn of a scheduled run: one at a time, one for all that were missed, none left behind.

Prefect keeps the runs that came due while nothing could start them, and starts them all later. It
also leaves a run Running whose process died together with the one that had started it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from uuid import UUID

from prefect import get_client, runtime
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterStartTime,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Crashed

from flows.scheduling.prefect_contracts import TURNED_AWAY
from flows.scheduling.states import BEGUN, not_done, of_type
from tasks.common.errors import FolderInUseError
from tasks.common.locks import only_one
from tasks.operations.missed_runs import (
    DueRun,
    Progress,
    abandoned_before,
    caught_up_by,
    missed_before,
)

_LOG = logging.getLogger(__name__)

_PAGE = 200


@contextmanager
def scheduled_turn(artifacts: Path, flow: str) -> Iterator[str | None]:
    """Keep other runs of `flow` out of `artifacts` while the block runs.

    Yields why this run must not start; None where it is its turn. Then the runs that were missed
    are closed as Skipped, and those whose process is gone as Crashed. A run that no deployment
    started takes no part in that. Prefect's own limit is lost with the server's memory; the lock
    on the artifacts folder is not.
    """
    if runtime.flow_run.id is None or runtime.deployment.id is None:
        yield None
        return
    try:
        with only_one(artifacts, flow):
            yield _reason_not_to_run(UUID(runtime.flow_run.id), UUID(runtime.deployment.id))
    except FolderInUseError as in_use:
        yield str(in_use)


def _reason_not_to_run(flow_run_id: UUID, deployment_id: UUID) -> str | None:
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        recorded = client.read_flow_run(flow_run_id)
        run = _described(recorded).model_copy(update={"claimed": _claimed(client, flow_run_id)})
        others = [_described(other) for other in _others(client, run, deployment_id, now)]
        for other in abandoned_before(run, others):
            reason = f"its process is gone; the run {_due(run)} has taken its place"
            client.set_flow_run_state(UUID(other.id), Crashed(message=reason), force=True)
        if (
            run.by_schedule
            and recorded.parameters != client.read_deployment(deployment_id).parameters
        ):
            return "it was scheduled with parameters that its deployment no longer has"
        maker = caught_up_by(run, others)
        if maker is not None:
            return f"missed, as it was {_due(run)}; the run {_due(maker)} has begun and ended since"
        missed = missed_before(run, others, now)
        for other in missed:
            reason = f"missed, as it was {_due(other)}; the run {_due(run)} is its catch-up"
            client.set_flow_run_state(UUID(other.id), not_done(reason), force=True)
    if missed:
        _LOG.info("this run is the catch-up for %d missed ones", len(missed))
    return None


def _others(
    client: SyncPrefectClient, run: DueRun, deployment_id: UUID, now: datetime
) -> Iterator[FlowRun]:
    """Yield the runs that may have done this one's work, or whose work this one does."""
    wanted = [
        FlowRunFilter(
            state=of_type(StateType.SCHEDULED),
            expected_start_time=FlowRunFilterExpectedStartTime(before_=now),
        ),
        FlowRunFilter(state=of_type(*BEGUN, StateType.CANCELLING)),
        FlowRunFilter(
            state=of_type(StateType.COMPLETED),
            start_time=FlowRunFilterStartTime(after_=run.due),
        ),
        FlowRunFilter(
            state=of_type(StateType.CANCELLED), end_time=FlowRunFilterEndTime(after_=run.claimed)
        ),
    ]
    ours = FlowRunFilterDeploymentId(any_=[deployment_id])
    for each in wanted:
        yield from _pages(client, each.model_copy(update={"deployment_id": ours}))


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
    """Return when a run left the queue for the last time; it holds the deployment's place since.

    Prefect's runner makes it Pending once more, as Submitting, while it turns others away already.
    """
    states = sorted(client.read_flow_run_states(flow_run_id), key=lambda state: state.timestamp)
    alike = groupby(states, lambda state: state.is_pending())
    left = [next(group).timestamp for is_pending, group in alike if is_pending]
    return left[-1] if left else datetime.now(UTC)


def _described(run: FlowRun) -> DueRun:
    progress = _progress(run)
    entered = run.state.timestamp if run.state else None
    return DueRun(
        id=str(run.id),
        due=run.expected_start_time or datetime.now(UTC),
        claimed=run.start_time if run.run_count else entered,
        by_schedule=bool(run.auto_scheduled),
        progress=progress,
    )


def _progress(run: FlowRun) -> Progress:
    state = run.state
    if state is None or state.is_scheduled():
        return "waits"
    if not state.is_final():
        return "running"
    if state.is_cancelled() and state.message == TURNED_AWAY and run.run_count == 0:
        return "turned away"
    return "done" if state.is_completed() else "ended"


def _due(run: DueRun) -> str:
    """Return when a run was due, which tells it from others of the same name."""
    return f"due at {run.due:%Y-%m-%d %H:%M:%S} UTC"
