"""Work on a pool until a signal comes, and put the runs back that are killed then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prefect import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.workers.process import ProcessWorker

from flows.run_filters import BEGUN, of_type
from flows.stopping import ended_or_told_to_stop, put_back

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

_WORKER = "prefect.worker.name"
"""The label by which Prefect tells which worker has a run."""


async def work_until_stopped(pool: str) -> None:
    """Run what is due until SIGTERM or SIGINT; then kill the runs and put them back in the queue.

    A training that is killed loses what it did since the last whole epoch, or the last
    `save_every_steps`; nothing else is lost.

    Args:
        pool: Name of a work pool of the type `process`; made where it is missing.
    """
    # Fetched before it is due, a run would claim its deployment's one place too early.
    worker = ProcessWorker(work_pool_name=pool, prefetch_seconds=0)
    working = asyncio.get_running_loop().create_task(worker.start())
    await ended_or_told_to_stop(working)
    if not working.done():
        working.cancel()
        await asyncio.wait({working})
        await put_back(await _left_by(worker.name, pool))
    if not working.cancelled():
        working.result()


async def _left_by(worker: str, pool: str) -> list[FlowRun]:
    async with get_client() as client:
        runs = await client.read_flow_runs(
            flow_run_filter=FlowRunFilter(state=of_type(*BEGUN)),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        )
    return [run for run in runs if run.labels.get(_WORKER) == worker]
