"""Set up a Prefect server to run unattended, and work for its deployments.

`flows/set_up_server.py`: what is there already stays or is made as requested, so the command can be
given again at any time. `flows/worker.py` is Prefect's process worker, but when it is stopped its
runs wait as Interrupted; with `prefect worker start` they are killed and stay Running for ever.
"""

from types import ModuleType
from typing import Annotated

from cyclopts import Parameter

from flows.cli.help import command_app
from flows.display.terminal import show_lines
from flows.orchestration.process import begin_process
from tasks.config.operations import MonitoringConfig

set_up_app = command_app("server")

worker_app = command_app("worker")


@set_up_app.default
def set_up_server(
    *, monitoring: Annotated[MonitoringConfig, Parameter(name="*")] = MonitoringConfig()
) -> None:
    """Let the Prefect server close runs whose process died, and report runs that failed."""
    show_lines(*_with_prefect().set_up(monitoring))


@worker_app.default
def work(
    *,
    pool: Annotated[str, Parameter(help="The process work pool; made where it is missing.")],
) -> None:
    """Run what is due in a work pool on this checkout, until this process is stopped."""
    _with_prefect().work_in_pool(pool)


def _with_prefect() -> ModuleType:
    """Return what needs Prefect, for which the process is prepared before."""
    begin_process()
    from flows.orchestration import server

    return server
