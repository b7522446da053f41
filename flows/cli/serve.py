"""Command line of the schedules: what is retrained and maintained, and when."""

from typing import Annotated

from cyclopts import Parameter

from flows.cli.app import Ready
from flows.cli.help import MAINTENANCE, OWN, command_app
from flows.cli.options import TagOptions
from flows.cli.retrain import Retraining
from tasks.config.operations import RetentionConfig
from tasks.config.schedule import ScheduleConfig, ServeOptions

app = command_app(
    "serve",
    first=(
        *("--cron", "--interval", "--overlap", "--source", "--train-file", "--recipe", "--config"),
        *(
            "--promote",
            "--check-drift",
            "--maintain",
            "--keep-runs",
            "--accelerator",
            "--artifacts",
        ),
    ),
    examples=(
        ("serve --train-file reviews.csv", "Every night at three"),
        ("serve --train-file reviews.csv --cron '0 5 * * MON'", "On Mondays at five"),
        ("serve --interval 6h --overlap queue", "Every six hours, one after another"),
        ("serve --no-promote --keep-runs 50", "Leave the champion, keep more runs"),
    ),
)


@app.default
def serve(
    *,
    schedule: Annotated[ScheduleConfig, Parameter(name="*", group=OWN)] = ScheduleConfig(),
    retraining: Retraining = Retraining(),
    tags: TagOptions = TagOptions(),
    maintain: Annotated[
        bool, Parameter(help="Remove what nobody needs, on a schedule.", group=MAINTENANCE)
    ] = True,
    maintenance_schedule: Annotated[
        ScheduleConfig, Parameter(name="maintain", group=MAINTENANCE)
    ] = ScheduleConfig(),
    retention: Annotated[
        RetentionConfig, Parameter(name="*", group=MAINTENANCE)
    ] = RetentionConfig(),
) -> Ready[ServeOptions]:
    """Retrain and maintain on a schedule, until this process is stopped.

    Retraining: every night at three, or --cron, --interval or --rrule. Maintenance: every Sunday
    at noon, or --maintain.cron and so on.
    """
    parameters = {**retraining.parameters(), "naming": tags.naming()}
    maintenance = {"retention": retention, "artifacts": parameters["artifacts"], "apply": True}
    asked = ServeOptions(
        schedule=schedule,
        retraining=parameters,
        maintenance_schedule=maintenance_schedule,
        maintenance=maintenance,
        maintain=maintain,
    )
    return Ready(asked, _start, in_process=False)


def _start(options: ServeOptions) -> None:
    from flows.pipelines.serve import serve_flows

    serve_flows(options)
