"""Filters of flow runs that several flows ask the server with."""

from prefect.client.schemas.filters import FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType

BEGUN = (StateType.PENDING, StateType.RUNNING)


def of_type(*types: StateType) -> FlowRunFilterState:
    """Return the filter of runs whose state is of one of these types."""
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types)))
