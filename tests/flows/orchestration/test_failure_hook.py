"""What the record of a failed run gives as its reason."""

from pathlib import Path
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Crashed, Failed

from flows.orchestration.failure_hook import keep_failure_record
from tasks.common.errors import BadDataError
from tasks.runs.failures import read_failures


@flow
def some_flow(artifacts: Path) -> None: ...


@pytest.mark.parametrize(
    ("state", "parameters", "reason"),
    [
        (Failed(message="ValueError: \x1b[1mMatrix\x1b[0m size"), {}, "ValueError: Matrix size"),
        (Failed(data=BadDataError("a.csv is empty")), {}, "a.csv is empty"),
        (
            Crashed(message="Process exited with status code: 1."),
            {"epochs": 3},
            "some-flow has no parameter epochs; leave it out of the deployment",
        ),
    ],
)
def test_the_reason_is_one_for_people(
    tmp_path: Path, state: State[object], parameters: dict[str, object], reason: str
) -> None:
    run = FlowRun(flow_id=uuid4(), parameters={"artifacts": str(tmp_path)} | parameters)
    keep_failure_record(some_flow, run, state)
    (failure,) = read_failures(tmp_path).failures
    assert failure.reason == reason
