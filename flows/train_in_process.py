"""Train a config in a process of its own."""

import sys
from pathlib import Path

from flows.child_process import answer_parent, in_child
from tasks.records import Record
from tasks.run_manifest import RunSummary
from tasks.training_config import CachedStep, TrainingConfig


class TrainingRequest(Record):
    """What is trained, on what, where it is kept, and which steps are not taken from the cache."""

    config: TrainingConfig
    accelerator: str
    artifacts: Path
    refresh: tuple[CachedStep, ...] = ()

    @property
    def name(self) -> str:
        """Protocol and seed, which tell it from others of its kind."""
        return f"{self.config.protocol.protocol} seed {self.config.fit.seed}"


def train_in_process(request: TrainingRequest, api: str) -> RunSummary:
    """Train in a process of its own and return the summary of its run.

    What is in the cache of the artifacts folder is not computed again, and an interrupted training
    goes on where it was.

    Args:
        request: What to train.
        api: URL of the Prefect server's API that the run reports to.

    Raises:
        ChildFailedError: The process ended with an error, which it has shown.
    """
    what = f"the training of {request.name}"
    return in_child("flows.train_in_process", request, RunSummary, api, what)


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
        refresh=request.refresh,
    )
    answer_parent(prefect_session.run_flow(train_flow, options))


if __name__ == "__main__":
    _train()
