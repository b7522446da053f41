"""Train with several seeds under both protocols, each training in a process of its own."""

from pathlib import Path
from typing import Any

from prefect import flow

from flows.display.experiments import seeds_shown
from flows.orchestration import session
from flows.orchestration.failure_hook import RECORDED
from flows.pipelines import experiment
from flows.pipelines.experiment import run_in_terminal
from tasks.common.device import Accelerator
from tasks.config.experiments import RunnerConfig, SeedsConfig
from tasks.config.training import TrainingConfig
from tasks.experiments.side_by_side import SideBySide, side_by_side


@flow(
    name="train-seeds",
    description="Train with several seeds and show spread, intervals and the gap of protocols.",
    **RECORDED,
)
def seeds_flow(
    config: TrainingConfig = TrainingConfig(),
    seeds: SeedsConfig = SeedsConfig(),
    runner: RunnerConfig = RunnerConfig(),
    accelerator: Accelerator = "auto",
    artifacts: Path = Path("artifacts"),
) -> SideBySide:
    """Train all seeds, report them, and keep the report under `artifacts/seeds`.

    Args:
        config: Of every training; its seed is the first one.
        seeds: How many seeds, under which protocols.
        runner: Where, and how many at the same time.
        accelerator: auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).
        artifacts: Folder of the cache and the runs.
    """
    session.begin_flow()
    protocols = [
        config.protocol.model_copy(update={"protocol": one}) for one in sorted(seeds.protocols)
    ]
    configs = [config.model_copy(update={"protocol": protocol}) for protocol in protocols]
    asked = experiment.with_seeds(configs, seeds.seeds, lambda one: one.protocol.protocol)
    trained = experiment.train_all(asked, runner, accelerator, artifacts)
    report = side_by_side(configs, trained)
    experiment.keep("seeds", report, seeds_shown(report), artifacts)
    return report


def run_seeds(parameters: dict[str, Any]) -> None:
    """Run the flow for a person."""
    run_in_terminal(
        seeds_flow, parameters, seeds_shown, lambda made: sum(len(one.runs) for one in made.groups)
    )
