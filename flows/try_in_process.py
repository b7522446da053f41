"""Run a trial of a sweep in a process of its own."""

import sys
import time
from pathlib import Path

from flows.child_process import answer_parent, in_child
from tasks.records import Record
from tasks.sweep_config import SweepConfig
from tasks.training_config import TrainingConfig
from tasks.trial_result import TrialResult


class TrialRequest(Record):
    """Which trial of which study, what is trained, on what, and where the cache is."""

    number: int
    config: TrainingConfig
    sweep: SweepConfig
    accelerator: str
    artifacts: Path


def try_in_process(request: TrialRequest, api: str) -> TrialResult:
    """Run a trial in a process of its own; one that was interrupted goes on where it was.

    Args:
        request: What to try.
        api: URL of the Prefect server's API that the trial reports to.

    Raises:
        ChildFailedError: The process ended with an error, which it has shown.
    """
    began = time.monotonic()
    what = f"trial {request.number}"
    result = in_child("flows.try_in_process", request, TrialResult, api, what)
    return result.model_copy(update={"seconds": round(time.monotonic() - began, 3)})


def _try() -> None:
    """Run the trial that the standard input asks for, and write its result as the last line."""
    from flows import train_command

    train_command.begin_process()
    from flows import prefect_session
    from flows.trial_flow import trial_flow

    request = TrialRequest.model_validate_json(sys.stdin.read())
    answer_parent(
        prefect_session.call_flow(
            trial_flow, request.artifacts, dict(request), lambda result: len(result.steps)
        )
    )


if __name__ == "__main__":
    _try()
