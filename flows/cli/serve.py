"""Command line of the schedules: what is retrained and maintained, and when."""

from typing import Annotated

from cyclopts import App, Parameter

from flows.cli.app import Ready
from flows.cli.options import TagOptions
from flows.cli.retrain import Retraining
from tasks.config.operations import RetentionConfig
from tasks.config.schedule import ScheduleConfig, ServeOptions

app = App(name="serve", version_flags=[])


@app.default
def serve(
    *,
    schedule: Annotated[ScheduleConfig, Parameter(name="*", group="Schedule")] = ScheduleConfig(),
    retraining: Retraining = Retraining(),
    tags: TagOptions = TagOptions(),
    maintain: Annotated[bool, Parameter(help="Remove what nobody needs, on a schedule.")] = True,
    maintenance_schedule: Annotated[
        ScheduleConfig, Parameter(name="maintain", group="Schedule of the maintenance")
    ] = ScheduleConfig(),
    retention: Annotated[
        RetentionConfig, Parameter(name="*", group="What the maintenance keeps")
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
    return Ready(asked, _start)


def _start(options: ServeOptions) -> None:
    from flows.pipelines.serve import serve_flows

    serve_flows(options)
