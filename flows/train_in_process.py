"""Train a config in a process of its own.

Keras's seeds belong to the whole process, so that trainings side by side need one each; one that
runs out of memory takes no other with it.
"""

import os
import subprocess
import sys
from pathlib import Path

from tasks.errors import PipelineError
from tasks.records import Record
from tasks.run_manifest import RunSummary
from tasks.training_config import TrainingConfig


class TrainingRequest(Record):
    """What is trained, on what, and where it is kept."""

    config: TrainingConfig
    accelerator: str
    artifacts: Path

    @property
    def name(self) -> str:
        """Protocol and seed, which tell it from others of its kind."""
        return f"{self.config.protocol.protocol} seed {self.config.fit.seed}"


class TrainingFailedError(PipelineError):
    """A training in a process of its own ended without a result."""


def train_in_process(request: TrainingRequest, api: str) -> RunSummary:
    """Train in a process of its own and return the summary of its run.

    What is in the cache of the artifacts folder is not computed again, and an interrupted training
    goes on where it was.

    Args:
        request: What to train.
        api: URL of the Prefect server's API that the run reports to.

    Raises:
        TrainingFailedError: The process ended with an error, which it has shown.
    """
    child = subprocess.run(
        [sys.executable, "-m", "flows.train_in_process"],
        input=request.model_dump_json(),
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PREFECT_API_URL": api},
        check=False,
    )
    if child.returncode:
        raise TrainingFailedError(
            f"the training of {request.name} ended with status {child.returncode}; its lines above"
            " and `python flows/runs.py failures` tell why; start the same command again to go on"
        )
    return RunSummary.model_validate_json(child.stdout.splitlines()[-1])


def _train() -> None:
    """Train what the standard input asks for, and write the summary as the last line."""
    from flows import train_command

    train_command.begin_process()
    from flows import prefect_session
    from flows.train_flow import train_flow

    request = TrainingRequest.model_validate_json(sys.stdin.read())
    options = train_command.TrainOptions(
        config=request.config,
        accelerator=request.accelerator,
        artifacts=request.artifacts,
        refresh=(),
        cache=True,
    )
    summary = prefect_session.run_flow(train_flow, options)
    sys.stdout.write(summary.model_dump_json() + "\n")


if __name__ == "__main__":
    _train()
