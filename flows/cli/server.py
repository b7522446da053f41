"""Set up a Prefect server to run unattended, and work for its deployments.

`flows/set_up_server.py`: what is there already stays or is made as asked for, so the command can be
given again at any time. `flows/worker.py` is Prefect's process worker, but when it is stopped its
runs wait as Interrupted; with `prefect worker start` they are killed and stay Running for ever.
"""

import asyncio
from typing import Annotated

from cyclopts import App, Parameter

from flows.display.terminal import show_lines
from flows.orchestration.process import begin_process
from tasks.config.operations import MonitoringConfig

set_up_app = App(
    name="set_up_server.py",
    help="Let the Prefect server close runs whose process died, and tell of runs that failed.",
    version_flags=[],
)


@set_up_app.default
def set_up_server(
    *, monitoring: Annotated[MonitoringConfig, Parameter(name="*")] = MonitoringConfig()
) -> None:
    """Set up the server that PREFECT_API_URL names; may be repeated at any time."""
    begin_process()
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY

    from flows.orchestration import session
    from flows.scheduling import automations

    url = session.require_configured_server()
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


worker_app = App(
    name="worker.py",
    help="Run what is due in a work pool on this checkout, until this process is stopped.",
    version_flags=[],
)


@worker_app.default
def work(
    *,
    pool: Annotated[str, Parameter(help="The process work pool; made where it is missing.")],
) -> None:
    """Run what is due in a work pool until this process is stopped."""
    begin_process()
    from flows.orchestration import session
    from flows.scheduling.stopping import work_until_stopped

    session.require_configured_server()
    session.show_our_logs()
    asyncio.run(work_until_stopped(pool))
