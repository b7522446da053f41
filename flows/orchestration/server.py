"""A Prefect server that runs unattended: its automations, and a worker of its pools."""

import asyncio
from collections.abc import Iterator

from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY

from flows.orchestration import session
from flows.scheduling import automations
from flows.scheduling.stopping import work_until_stopped
from tasks.config.operations import MonitoringConfig


def set_up(monitoring: MonitoringConfig) -> Iterator[str]:
    """Set up the server that PREFECT_API_URL names, and say in lines what was done."""
    url = session.require_configured_server()
    silent = monitoring.silent_seconds
    wanted = [automations.close_silent_runs(silent)]
    if monitoring.notify_url is not None:
        block = automations.save_webhook(monitoring.notify_url)
        wanted.append(automations.notify_of_failures(block))
    for automation in wanted:
        yield f"{automation.name}: {automations.set_up(automation)}"
    heartbeat = PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value()
    if heartbeat is None or silent < 2 * heartbeat:
        yield (
            f"warning: runs send a heartbeat every {heartbeat} s here, so {silent:g} s may close"
            " runs that live; see PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
        )
    yield f"The automations are shown at {url.removesuffix('/api')}/automations"


def work_in_pool(pool: str) -> None:
    """Run what is due in a work pool until this process is stopped."""
    session.require_configured_server()
    session.show_our_logs()
    asyncio.run(work_until_stopped(pool))
