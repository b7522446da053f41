"""Start the flow in this process with a network that is trained in a second."""

from pathlib import Path
from typing import Any

from flows.pipelines.train import train_flow
from tasks.config.training import TrainingConfig
from tasks.run_summary import RunSummary
from tests.support.small_run import BAG, small_config


def ngram_config(train_file: Path, **changes: Any) -> TrainingConfig:
    """Return the small config with the network that is soonest made and trained."""
    config = small_config(train_file, **changes)
    return config.model_copy(update={"network": BAG})


def start_run(artifacts: Path, train_file: Path, **changes: Any) -> RunSummary:
    """Run the flow on `train_file` with `ngram_config(train_file, **changes)`."""
    return start_config(artifacts, ngram_config(train_file, **changes))


def start_config(artifacts: Path, config: TrainingConfig, **parameters: Any) -> RunSummary:
    """Run the flow with `config` and further flow parameters."""
    summary: RunSummary = train_flow(config, accelerator="cpu", artifacts=artifacts, **parameters)
    return summary
