"""Set up a Prefect server to run unattended: `python flows/set_up_server.py --help`.

What is there already stays or is made as asked for, so the command can be given again at any time.
"""

from typing import Annotated

from cyclopts import App, Parameter

from flows.command_line import run_command, show_lines
from flows.train_command import begin_process
from tasks.monitoring_config import MonitoringConfig

app = App(
    name="set_up_server.py",
    help="Let the Prefect server close runs whose process died, and tell of runs that failed.",
    version_flags=[],
)


@app.default
def set_up_server(
    *, monitoring: Annotated[MonitoringConfig, Parameter(name="*")] = MonitoringConfig()
) -> None:
    """Set up the server that PREFECT_API_URL names; may be repeated at any time."""
    begin_process()
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY

    from flows import automations, prefect_session

    url = prefect_session.require_configured_server()
    silent = monitoring.silent_seconds
    wanted = [automations.close_silent_runs(silent)]
    if monitoring.notify_url is not None:
        block = automations.save_webhook(monitoring.notify_url)
        wanted.append(automations.notify_of_failures(block))
    for automation in wanted:
        show_lines(f"{automation.name}: {automations.set_up(automation)}")
    heartbeat = PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value()
    if heartbeat is None or silent < 2 * heartbeat:
        show_lines(
            f"warning: runs send a heartbeat every {heartbeat} s here, so {silent:g} s may close"
            " runs that live; see PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
        )
    show_lines(f"The automations are shown at {url.removesuffix('/api')}/automations")


if __name__ == "__main__":
    run_command(app)
