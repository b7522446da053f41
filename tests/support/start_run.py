"""Start the flow in this process with the small config."""

from pathlib import Path
from typing import Any

from flows.pipelines.train import train_flow
from tasks.config.training import TrainingConfig
from tasks.run_summary import RunSummary
from tests.support.small_run import small_config


def start_run(artifacts: Path, train_file: Path, **changes: Any) -> RunSummary:
    """Run the flow on `train_file` with `small_config(train_file, **changes)`."""
    return start_config(artifacts, small_config(train_file, **changes))


def start_config(artifacts: Path, config: TrainingConfig, **parameters: Any) -> RunSummary:
    """Run the flow with `config` and further flow parameters."""
    summary: RunSummary = train_flow(config, accelerator="cpu", artifacts=artifacts, **parameters)
    return summary
