"""Serve the schedules of retraining and maintenance until this process is stopped."""

import asyncio
import logging
from typing import Any, cast
from uuid import UUID

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.schedules import Schedule
from prefect.types.entrypoint import EntrypointType

from flows.orchestration import session
from flows.pipelines.maintain import maintain_flow
from flows.pipelines.retrain import retrain_flow
from flows.scheduling.stopping import serve_until_stopped
from tasks.config.schedule import ANCHOR, ScheduleConfig, ServeOptions

LOG = logging.getLogger(__name__)

DEPLOYMENT = "scheduled"
_RETRAIN_CRON = "0 3 * * *"
_MAINTAIN_CRON = "0 12 * * SUN"
_STARTING_S = 120
_SHOWN_STARTS = 3

_STRATEGIES = {
    "cancel": ConcurrencyLimitStrategy.CANCEL_NEW,
    "queue": ConcurrencyLimitStrategy.ENQUEUE,
}


def deployments(options: ServeOptions) -> list[RunnerDeployment]:
    """Return the deployments: each has its schedule, its parameters, and one run at a time."""
    return [
        _deployment(retrain_flow, options.schedule, _RETRAIN_CRON, options.retraining),
        _deployment(
            maintain_flow,
            options.maintenance_schedule,
            _MAINTAIN_CRON,
            options.maintenance,
            paused=not options.maintain,
        ),
    ]


def _deployment(
    flow: Flow[..., Any],
    config: ScheduleConfig,
    default_cron: str,
    parameters: dict[str, Any],
    *,
    paused: bool = False,
) -> RunnerDeployment:
    deployment = flow.to_deployment(
        DEPLOYMENT,
        schedule=Schedule(
            **config.kind(default_cron), timezone=config.timezone, anchor_date=ANCHOR
        ),
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1,
            collision_strategy=_STRATEGIES[config.overlap],
            # How long a run that died while it was being started keeps its place.
            grace_period_seconds=_STARTING_S,
        ),
        parameters=parameters,
        paused=paused,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    assert isinstance(deployment, RunnerDeployment)
    return deployment


def serve_flows(options: ServeOptions) -> None:
    """Serve until the process is stopped; the schedules stay active.

    A run is fetched when it is due and no earlier: fetched before, it would claim the one place
    while the run before it may still end in time.
    """
    session.require_configured_server()
    session.show_our_logs()
    runner = Runner(pause_on_shutdown=False, prefetch_seconds=0)
    served = [
        cast("UUID", runner.add_deployment(deployment)) for deployment in deployments(options)
    ]
    _tell_next_starts("retraining", options.schedule, _RETRAIN_CRON)
    if options.maintain:
        _tell_next_starts("maintenance", options.maintenance_schedule, _MAINTAIN_CRON)
    LOG.info("serving %d deployments until SIGTERM or Ctrl-C", len(served))
    asyncio.run(serve_until_stopped(runner, served))


def _tell_next_starts(what: str, schedule: ScheduleConfig, default_cron: str) -> None:
    starts = schedule.next_starts(default_cron, _SHOWN_STARTS)
    LOG.info("%s starts %s", what, ", ".join(f"{one:%a %Y-%m-%d %H:%M %Z}" for one in starts))
