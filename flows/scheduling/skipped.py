"""The state Skipped: a run that did nothing, for a reason that its state tells.

Prefect shows both kinds under that name and counts neither as a failure.
"""

from typing import Any

from prefect import State
from prefect.states import Cancelled, Completed

SKIPPED = "Skipped"


def not_needed(reason: str) -> State[Any]:
    """Return the state of a run that found its aim reached already; green in Prefect's UI."""
    return Completed(name=SKIPPED, message=reason)


def not_done(reason: str) -> State[Any]:
    """Return the state of a run that left its work to another one; grey in Prefect's UI."""
    return Cancelled(name=SKIPPED, message=reason)
