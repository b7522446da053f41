"""Retrain on a schedule: serve the retraining and the maintenance until this process is stopped.

`python flows/serve_flow.py --help` shows all options. A team uses `prefect.yaml` and a worker.
"""

from flows import serve_command, train_command

if __name__ == "__main__":
    # Answered before Prefect is imported, so that --help takes no time.
    OPTIONS = serve_command.read_options()
train_command.begin_process()

import asyncio  # noqa: E402
import logging  # noqa: E402
from typing import Any, cast  # noqa: E402
from uuid import UUID  # noqa: E402

from prefect import Flow  # noqa: E402
from prefect.client.schemas.objects import (  # noqa: E402
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
)
from prefect.deployments.runner import RunnerDeployment  # noqa: E402
from prefect.runner import Runner  # noqa: E402
from prefect.schedules import Schedule  # noqa: E402
from prefect.types.entrypoint import EntrypointType  # noqa: E402

from flows import prefect_session  # noqa: E402
from flows.maintain_flow import maintain_flow  # noqa: E402
from flows.retrain_flow import retrain_flow  # noqa: E402
from flows.serve_command import ServeOptions  # noqa: E402
from flows.serve_until_stopped import serve_until_stopped  # noqa: E402
from tasks.schedule_config import ANCHOR, ScheduleConfig  # noqa: E402

LOG = logging.getLogger("flows.serve_flow")

DEPLOYMENT = "scheduled"

_RETRAIN_CRON = "0 3 * * *"
_MAINTAIN_CRON = "0 12 * * SUN"
_STARTING_S = 120
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
    prefect_session.require_configured_server()
    prefect_session.show_our_logs()
    runner = Runner(pause_on_shutdown=False, prefetch_seconds=0)
    served = [
        cast("UUID", runner.add_deployment(deployment)) for deployment in deployments(options)
    ]
    LOG.info("serving %d deployments until SIGTERM or Ctrl-C", len(served))
    asyncio.run(serve_until_stopped(runner, served))


if __name__ == "__main__":
    serve_flows(OPTIONS)
