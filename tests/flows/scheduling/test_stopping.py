"""What becomes of the runs of a process that is told to stop, on a real server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest
from prefect import State, flow, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Completed, Failed, Pending, Running

from flows.scheduling.states import not_needed
from flows.scheduling.stopping import give_results_back, put_back

pytestmark = pytest.mark.usefixtures("prefect_server")

BEGUN = [Pending, Running]


@flow(name="stopped")
def stopped() -> None:
    """Is never started."""


def state_after(
    states: Iterable[State[None]], what: Callable[[list[FlowRun]], Awaitable[None]]
) -> tuple[str, str | None]:
    """Return name and message of the state that a run has after `what` was done to it."""

    async def do() -> State[None]:
        async with get_client() as client:
            run = await client.create_flow_run(stopped)
            for state in states:
                await client.set_flow_run_state(run.id, state, force=True)
            await what([run])
            found = (await client.read_flow_run(run.id)).state
            assert found is not None
            return found

    state = asyncio.run(do())
    return str(state.name), state.message


@pytest.mark.parametrize("ended", [None, Cancelled])
def test_a_run_that_was_stopped_waits(ended: Callable[[], State[None]] | None) -> None:
    states = [make() for make in [*BEGUN, ended] if make]
    name, message = state_after(states, put_back)
    assert name == "Interrupted"
    assert message is not None
    assert "resumes from the saved state" in message


@pytest.mark.parametrize("what", [put_back, give_results_back])
@pytest.mark.parametrize(
    "result", [Completed(message="m"), Failed(message="m"), not_needed("m")], ids=lambda s: s.name
)
def test_a_run_that_had_a_result_when_it_was_stopped_keeps_it(
    result: State[None], what: Callable[[list[FlowRun]], Awaitable[None]]
) -> None:
    states = [Pending(), Running(), result, Cancelled(message="Runner is shutting down.")]
    assert state_after(states, what) == (result.name, "m")


@pytest.mark.parametrize(
    "states", [[Cancelled], [Pending, Running, Failed, Pending, Running, Cancelled]]
)
def test_a_run_without_a_result_of_this_attempt_is_given_none(
    states: list[Callable[[], State[None]]],
) -> None:
    assert state_after((make() for make in states), give_results_back)[0] == "Cancelled"
