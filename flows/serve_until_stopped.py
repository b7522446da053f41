"""Serve deployments until a signal comes, and leave no run behind that nobody goes on with.

Prefect's own runner does not survive a SIGTERM in good order: its handler leaves the process half
stopped, and goes on polling. Here the runner is stopped from within its event loop.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
)
from prefect.client.schemas.objects import StateType

from flows.run_filters import BEGUN, of_type
from flows.stopping import ended_or_told_to_stop, give_results_back, put_back

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from prefect.client.schemas.objects import FlowRun
    from prefect.runner import Runner

_POLL_S = 0.05
_STARTING_S = 1.0
_LATELY = timedelta(minutes=1)
"""How long ago a run may have ended whose process is still there."""


async def serve_until_stopped(runner: Runner, deployments: Collection[UUID]) -> None:
    """Run what is due until SIGTERM or SIGINT; then end the runs and put them back in the queue.

    A run is told to end and has half a minute for it.

    Args:
        runner: Has the deployments, and is not started.
        deployments: Their ids.
    """
    serving = asyncio.get_running_loop().create_task(runner.start())
    # The runner takes the signals when it starts; ours come after that.
    while not runner.started and not serving.done():
        await asyncio.sleep(_POLL_S)
    await ended_or_told_to_stop(serving)
    if not serving.done():
        await _stop(runner, serving, deployments)
    if not serving.cancelled():
        serving.result()


async def _stop(runner: Runner, serving: asyncio.Task[None], deployments: Collection[UUID]) -> None:
    """End the runs, also those whose process is only being started, and put them back."""
    lately = datetime.now(UTC) - _LATELY
    ended = {run.id: run for run in await _going_on(deployments)}
    await runner.astop()
    while not serving.done():
        ended |= {run.id: run for run in await _going_on(deployments)}
        await runner.cancel_all()
        await asyncio.wait({serving}, timeout=_STARTING_S)
    # What still goes on is run by another process, which has outlived an earlier one like this.
    still = {run.id for run in await _going_on(deployments)}
    await put_back(run for run in ended.values() if run.id not in still)
    # The runner also cancels one that has a result and whose process has not ended yet.
    await give_results_back(await _cancelled_since(lately, deployments))


async def _going_on(deployments: Collection[UUID]) -> list[FlowRun]:
    return await _runs(deployments, state=of_type(*BEGUN))


async def _cancelled_since(moment: datetime, deployments: Collection[UUID]) -> list[FlowRun]:
    ended = FlowRunFilterEndTime(after_=moment)
    return await _runs(deployments, state=of_type(StateType.CANCELLED), end_time=ended)


async def _runs(deployments: Collection[UUID], **filters: Any) -> list[FlowRun]:  # noqa: ANN401
    ours = FlowRunFilterDeploymentId(any_=list(deployments))
    async with get_client() as client:
        return await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(deployment_id=ours, **filters)
        )
