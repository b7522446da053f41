"""When a scheduled run has claimed its turn, as the states tell that Prefect has written."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import State
from prefect.states import Late, Pending, Running, Scheduled

from flows.scheduling.scheduled_turn import _claimed

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class History:
    """A client that knows the states of one run."""

    states: list[State[Any]]

    def read_flow_run_states(self, _: UUID) -> list[State[Any]]:
        return self.states


@pytest.mark.parametrize(
    ("kinds", "second"),
    [
        ((Scheduled, Late, Pending, Pending, Running), 2),  # the second one is Submitting
        ((Scheduled, Pending, Pending, Running, Scheduled, Pending, Pending), 5),  # interrupted
        ((Pending, Running), 0),
    ],
)
def test_a_run_has_its_turn_from_the_first_time_it_is_pending(
    kinds: tuple[Any, ...], second: int
) -> None:
    states = [kind() for kind in kinds]
    for number, state in enumerate(states):
        state.timestamp = BEGAN + timedelta(seconds=number)
    client = cast("SyncPrefectClient", History(states[::-1]))
    assert _claimed(client, uuid4()) == BEGAN + timedelta(seconds=second)
