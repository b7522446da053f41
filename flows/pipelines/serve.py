"""Serve the schedules, and what people start from Prefect's UI, until this process is stopped."""

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
from flows.pipelines.train import train_flow
from flows.pipelines.train_form import train_from_form
from flows.scheduling.stopping import serve_until_stopped
from tasks.config.promotion import PromotionConfig
from tasks.config.run_form import form_of
from tasks.config.schedule import ANCHOR, ScheduleConfig, ServeOptions

LOG = logging.getLogger(__name__)

DEPLOYMENT, SIMPLE, EXPERT = "scheduled", "simple", "expert"
_RETRAIN_CRON = "0 3 * * *"
_MAINTAIN_CRON = "0 12 * * SUN"
_STARTING_S = 120
_SHOWN_STARTS = 3

_STRATEGIES = {
    "cancel": ConcurrencyLimitStrategy.CANCEL_NEW,
    "queue": ConcurrencyLimitStrategy.ENQUEUE,
}


def deployments(options: ServeOptions) -> list[RunnerDeployment]:
    """Return the deployments, one run of each at a time: the scheduled ones, and the two forms.

    The forms propose the reviews, the recipe and the seed of the schedule.
    """
    config = options.retraining["config"]
    fixed = {name: options.retraining[name] for name in ("accelerator", "artifacts")}
    gates = {"gates": options.retraining["promotion"] or PromotionConfig()}
    return [
        _deployment(
            retrain_flow,
            DEPLOYMENT,
            options.retraining,
            options.schedule.overlap,
            schedule=_schedule(options.schedule, _RETRAIN_CRON),
        ),
        _deployment(
            maintain_flow,
            DEPLOYMENT,
            options.maintenance,
            options.maintenance_schedule.overlap,
            schedule=_schedule(options.maintenance_schedule, _MAINTAIN_CRON),
            paused=not options.maintain,
        ),
        _deployment(train_from_form, SIMPLE, form_of(config).model_dump() | fixed | gates, "queue"),
        _deployment(train_flow, EXPERT, {"config": config} | fixed, "queue"),
    ]


def _schedule(config: ScheduleConfig, default_cron: str) -> Schedule:
    return Schedule(**config.kind(default_cron), timezone=config.timezone, anchor_date=ANCHOR)


def _deployment(
    flow: Flow[..., Any],
    name: str,
    parameters: dict[str, Any],
    overlap: str,
    *,
    schedule: Schedule | None = None,
    paused: bool = False,
) -> RunnerDeployment:
    deployment = flow.to_deployment(
        name,
        schedule=schedule,
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1,
            collision_strategy=_STRATEGIES[overlap],
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
    LOG.info(
        "start a run in Prefect's UI, or with `prefect deployment run %s/%s`",
        train_from_form.name,
        SIMPLE,
    )
    asyncio.run(serve_until_stopped(runner, served))


def _tell_next_starts(what: str, schedule: ScheduleConfig, default_cron: str) -> None:
    starts = schedule.next_starts(default_cron, _SHOWN_STARTS)
    LOG.info("%s starts %s", what, ", ".join(f"{one:%a %Y-%m-%d %H:%M %Z}" for one in starts))
