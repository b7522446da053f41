"""Train a config, or try one for a sweep, in a process of its own.

Keras's seeds belong to the whole process, so that trainings side by side need one each; one that
runs out of memory takes no other with it.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from flows.orchestration.process import begin_process
from tasks.cache.own_sources import python_path
from tasks.common.errors import PipelineError
from tasks.common.records import Record
from tasks.config.commands import spelled
from tasks.config.experiments import SweepConfig
from tasks.config.request import TrainOptions
from tasks.config.training import TrainingConfig

R = TypeVar("R", bound=Record)


class ChildFailedError(PipelineError):
    """A process of its own ended without a result."""


class TrialRequest(Record):
    """Which trial of which study, what is trained, on what, and where the cache is."""

    number: int
    config: TrainingConfig
    sweep: SweepConfig
    accelerator: str
    artifacts: Path


def in_process(request: TrainOptions | TrialRequest, kind: type[R], api: str, what: str) -> R:
    """Do what is requested in a process of its own, which reports to the Prefect server at `api`.

    What is in the cache of the artifacts folder is not computed again, and an interrupted training
    resumes where it stopped. A ChildFailedError says that the process of `what` ended with an
    error, which it has shown.
    """
    own = {"PREFECT_API_URL": api, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": python_path()}
    child = subprocess.run(  # noqa: S603 - this program, and this module
        [sys.executable, "-P", "-m", __name__],
        input=request.model_dump_json(),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=os.environ | own,
        check=False,
    )
    if child.returncode:
        raise ChildFailedError(
            f"{what} ended with status {child.returncode}; its lines above and"
            f" `{spelled('runs failures')}` say why; start the same command again to resume"
        )
    # The last line of its output is the answer.
    return kind.model_validate_json(child.stdout.splitlines()[-1])


def _answer(request: TrainOptions | TrialRequest) -> Record:
    """Do what is requested in this process."""
    begin_process()
    from flows.pipelines import train, trial

    if isinstance(request, TrialRequest):
        return trial.run_trial(dict(request))
    return train.run_flow(request)


if __name__ == "__main__":
    asked: TypeAdapter[TrainOptions | TrialRequest] = TypeAdapter(TrainOptions | TrialRequest)
    # Nothing may be written after the answer.
    print(_answer(asked.validate_json(sys.stdin.read())).model_dump_json())  # noqa: T201
