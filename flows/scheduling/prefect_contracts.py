"""What this project knows of Prefect beyond its documented interface.

`tests/flows/scheduling/test_prefect_contracts.py` asks the Prefect that is installed for each.
"""

VERSION = "3.8.8"
"""The Prefect in which all of this was read."""

TURNED_AWAY = "Deployment concurrency limit reached."
"""What Prefect says of a run that it cancels since the deployment's limit is reached."""

WORKER = "prefect.worker.name"
"""The label by which Prefect tells which worker has a run."""

HEARTBEAT = "prefect.flow-run.heartbeat"
"""The event by which a run says that it lives."""

RUN_LOGGERS = ("prefect.engine", "prefect.flow_runs", "prefect.task_runs")
"""The loggers that tell of a run's errors, with tracebacks."""


def state_event(state: str) -> str:
    """Return the event of a run that enters a state; it has the state's name, not its type."""
    return f"prefect.flow-run.{state}"
