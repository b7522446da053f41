"""Serve deployments until a signal comes, and leave no run behind that nobody resumes.

Prefect's own runner does not survive a SIGTERM in good order: its handler leaves the process half
stopped, and polls on. Here the runner is stopped from within its event loop.
"""

import asyncio
import logging
import signal
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import State, get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.runner import Runner
from prefect.states import Scheduled
from prefect.workers.process import ProcessWorker

from flows.scheduling.prefect_contracts import WORKER
from flows.scheduling.states import BEGUN, INTERRUPTED, SKIPPED, of_type

_LOG = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_POLL_S = 0.05
_STARTING_S = 1.0

_LATELY = timedelta(minutes=1)
"""How long ago a run may have ended whose process is still there."""


async def serve_until_stopped(runner: Runner, deployments: Collection[UUID]) -> None:
    """Run what is due until SIGTERM or SIGINT; then end the runs and put them back in the queue.

    A run is told to end and has half a minute for it. The runner is not started yet.
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
    ended = {run.id: run for run in await _in_progress(deployments)}
    await runner.astop()
    while not serving.done():
        ended |= {run.id: run for run in await _in_progress(deployments)}
        await runner.cancel_all()
        await asyncio.wait({serving}, timeout=_STARTING_S)
    # What still runs belongs to another process, which has outlived an earlier one like this.
    still = {run.id for run in await _in_progress(deployments)}
    await put_back(run for run in ended.values() if run.id not in still)
    # The runner also cancels one that has a result and whose process has not ended yet.
    cancelled, since = of_type(StateType.CANCELLED), FlowRunFilterEndTime(after_=lately)
    await give_results_back(await _runs(deployments, state=cancelled, end_time=since))


async def _in_progress(deployments: Collection[UUID]) -> list[FlowRun]:
    return await _runs(deployments, state=of_type(*BEGUN))


async def _runs(deployments: Collection[UUID], **filters: Any) -> list[FlowRun]:  # noqa: ANN401
    ours = FlowRunFilterDeploymentId(any_=list(deployments))
    async with get_client() as client:
        return await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(deployment_id=ours, **filters)
        )


async def ended_or_told_to_stop(work: asyncio.Task[None]) -> None:
    """Wait until `work` has ended, or SIGTERM or SIGINT has come; a second one ends the process."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def tell(number: signal.Signals) -> None:
        _LOG.info("%s: no run is started any more", number.name)
        told.set()
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)

    for number in _SIGNALS:
        loop.add_signal_handler(number, tell, number)
    waiting = loop.create_task(told.wait())
    await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def put_back(runs: Iterable[FlowRun]) -> None:
    """Queue runs again whose processes were ended by this one, unless they had a result.

    They wait as Interrupted until their deployment is served again, and then resume from the state
    that their training saved.
    """
    async with get_client() as client:
        for run in runs:
            if await _give_result_back(client, run):
                continue
            now = datetime.now(UTC)
            reason = (
                f"its process was stopped at {now:%Y-%m-%d %H:%M:%S} UTC; it resumes from the saved"
                " state when its deployment is served again"
            )
            waits: State[Any] = Scheduled(name=INTERRUPTED, message=reason, scheduled_time=now)
            await client.set_flow_run_state(run.id, waits, force=True)
            _LOG.info("run %s waits as %s", run.name, INTERRUPTED)


async def give_results_back(runs: Iterable[FlowRun]) -> None:
    """Let runs have the state again in which they ended by themselves, where they did."""
    async with get_client() as client:
        for run in runs:
            await _give_result_back(client, run)


async def _give_result_back(client: PrefectClient, run: FlowRun) -> bool:
    """Return whether a run had ended by itself, in the moment before it was stopped."""
    states = sorted(await client.read_flow_run_states(run.id), key=lambda state: state.timestamp)
    while states and not _is_own_result(states[-1]):
        if states.pop().is_pending():
            return False
    if not states:
        return False
    current = (await client.read_flow_run(run.id)).state
    if current is None or not _is_own_result(current):
        await client.set_flow_run_state(run.id, states[-1].model_copy(), force=True)
    return True


def _is_own_result(state: State[Any]) -> bool:
    return state.is_completed() or state.is_failed() or state.name == SKIPPED


async def work_until_stopped(pool: str) -> None:
    """Run what is due until SIGTERM or SIGINT; then kill the runs and put them back in the queue.

    A training that is killed loses what it did since the last whole epoch, or the last
    `save_every_steps`; nothing else is lost. The pool, of the type `process`, is made where it is
    missing.
    """
    # Fetched before it is due, a run would claim its deployment's one place too early.
    worker = ProcessWorker(work_pool_name=pool, prefetch_seconds=0)
    working = asyncio.get_running_loop().create_task(worker.start())
    await ended_or_told_to_stop(working)
    if not working.done():
        working.cancel()
        await asyncio.wait({working})
        async with get_client() as client:
            left = await client.read_flow_runs(
                flow_run_filter=FlowRunFilter(state=of_type(*BEGUN)),
                work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
            )
        await put_back(run for run in left if run.labels.get(WORKER) == worker.name)
    if not working.cancelled():
        working.result()
