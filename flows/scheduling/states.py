"""The states that this project gives to runs, and filters of runs by the types of states.

Skipped is a run that did nothing, for a reason that its state tells; Prefect counts none of them as
a failure. Interrupted is one that waits for its deployment to be served again.
"""

from typing import Any

from prefect import State
from prefect.client.schemas.filters import FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled, Completed

SKIPPED, INTERRUPTED = "Skipped", "Interrupted"
BEGUN = (StateType.PENDING, StateType.RUNNING)


def not_needed(reason: str) -> State[Any]:
    """Return the state of a run that found its aim reached already; green in Prefect's UI."""
    return Completed(name=SKIPPED, message=reason)


def not_done(reason: str) -> State[Any]:
    """Return the state of a run that left its work to another one; grey in Prefect's UI."""
    return Cancelled(name=SKIPPED, message=reason)


def of_type(*types: StateType) -> FlowRunFilterState:
    """Return the filter of runs whose state is of one of these types."""
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))
