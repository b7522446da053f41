"""A worker for the deployments of `prefect.yaml`: `python flows/worker.py --pool retraining`.

It is Prefect's process worker, but when it is stopped its runs wait as Interrupted. With `prefect
worker start` they are killed and stay Running for ever.
"""

from flows import train_command

train_command.begin_process()

import asyncio  # noqa: E402
from typing import Annotated  # noqa: E402

from cyclopts import App, Parameter  # noqa: E402

from flows.command_line import run_command  # noqa: E402

app = App(
    name="worker.py",
    help="Run what is due in a work pool on this checkout, until this process is stopped.",
    version_flags=[],
)


@app.default
def work(
    *,
    pool: Annotated[str, Parameter(help="The process work pool; made where it is missing.")],
) -> None:
    """Run what is due in a work pool until this process is stopped."""
    from flows import prefect_session
    from flows.work_until_stopped import work_until_stopped

    prefect_session.require_configured_server()
    prefect_session.show_our_logs()
    asyncio.run(work_until_stopped(pool))


if __name__ == "__main__":
    run_command(app)
