"""What a process that runs deployments does when it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prefect import get_client
from prefect.states import Scheduled

from flows.skipped import SKIPPED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prefect import State
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun

INTERRUPTED = "Interrupted"

_LOG = logging.getLogger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


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

    They wait as Interrupted until their deployment is served again, and then go on from the state
    that their training saved.
    """
    async with get_client() as client:
        for run in runs:
            if await _give_result_back(client, run):
                continue
            now = datetime.now(UTC)
            reason = (
                f"its process was stopped at {now:%Y-%m-%d %H:%M:%S} UTC; it goes on from the saved"
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
