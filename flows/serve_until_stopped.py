"""Serve deployments until a signal comes, and leave no run behind that nobody goes on with.

Prefect's own runner does not survive a SIGTERM in good order: its handler leaves the process half
stopped, or the run Running for ever. Here the runner is stopped from within its event loop.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Scheduled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from prefect import State
    from prefect.client.schemas.objects import FlowRun
    from prefect.runner import Runner

INTERRUPTED = "Interrupted"

_LOG = logging.getLogger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_POLL_S = 0.05
_STARTING_S = 1.0


async def serve_until_stopped(runner: Runner, deployments: Collection[UUID]) -> None:
    """Run what is due until SIGTERM or SIGINT; then end the runs and put them back in the queue.

    A run is told to end and has half a minute for it. It waits as Interrupted until its deployment
    is served again, and then goes on from the state that its training saved. A second signal ends
    this process at once; the runs go on without it.

    Args:
        runner: Has the deployments, and is not started.
        deployments: Their ids.
    """
    loop = asyncio.get_running_loop()
    serving = loop.create_task(runner.start())
    while not runner.started and not serving.done():
        await asyncio.sleep(_POLL_S)
    told = asyncio.Event()

    def tell(number: signal.Signals) -> None:
        _LOG.info("%s: no run is started any more", number.name)
        told.set()
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)

    for number in _SIGNALS:
        loop.add_signal_handler(number, tell, number)
    stopping = loop.create_task(told.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        await _stop(runner, serving, deployments)
    stopping.cancel()
    if not serving.cancelled():
        serving.result()


async def _stop(runner: Runner, serving: asyncio.Task[None], deployments: Collection[UUID]) -> None:
    """End the runs, also those whose process is only being started, and put them back."""
    ended = {run.id: run for run in await _going_on(deployments)}
    await runner.astop()
    while not serving.done():
        ended |= {run.id: run for run in await _going_on(deployments)}
        await runner.cancel_all()
        await asyncio.wait({serving}, timeout=_STARTING_S)
    await _put_back(ended.values())


async def _going_on(deployments: Collection[UUID]) -> list[FlowRun]:
    begun = FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING])
    async with get_client() as client:
        return await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                deployment_id=FlowRunFilterDeploymentId(any_=list(deployments)),
                state=FlowRunFilterState(type=begun),
            )
        )


async def _put_back(runs: Iterable[FlowRun]) -> None:
    """Queue the runs again that were ended; those that another process runs go on."""
    async with get_client() as client:
        for run in runs:
            state = (await client.read_flow_run(run.id)).state
            if state is None or not (state.is_cancelled() or state.is_crashed()):
                continue
            now = datetime.now(UTC)
            reason = (
                f"its process was stopped at {now:%Y-%m-%d %H:%M:%S} UTC; it goes on from the saved"
                " state when the deployment is served again"
            )
            waiting: State[Any] = Scheduled(name=INTERRUPTED, message=reason, scheduled_time=now)
            await client.set_flow_run_state(run.id, waiting, force=True)
            _LOG.info("run %s waits as %s", run.name, INTERRUPTED)
