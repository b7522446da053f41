"""Search for better numbers; a sweep that was interrupted resumes by the same command."""

import time
from functools import partial
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from flows.display.experiments import sweep_shown
from flows.orchestration import session, task_runners
from flows.orchestration.failure_hook import RECORDED
from flows.pipelines import experiment
from flows.pipelines.experiment import run_in_terminal
from flows.pipelines.in_process import TrialRequest, in_process
from flows.pipelines.sweep_trials import SweepTrials
from tasks.cache.runner import in_state
from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import Accelerator
from tasks.common.locks import only_one
from tasks.config.experiments import RunnerConfig, SweepConfig, require_honest
from tasks.config.request import TrainOptions
from tasks.config.search_space import read_space, with_values
from tasks.config.training import TrainingConfig
from tasks.experiments import study as experiments_study
from tasks.experiments.sweep_report import (
    SweepReport,
    known_winner,
    note_winner,
    sweep_report,
    write_sweep,
)
from tasks.experiments.trial import TrialResult

_TRIALS_SHOWN = 10


@task(
    name="trial",
    task_run_name="trial {request.number}",
    # The steps of the trial come from the cache of the artifacts folder, which says why.
    cache_policy=NO_CACHE,
    retries=1,
)
def try_values(request: TrialRequest, api: str) -> TrialResult:
    """Return what came of one trial, run in a process of its own."""
    began = time.monotonic()
    result = in_process(request, TrialResult, api, f"trial {request.number}")
    seconds = round(time.monotonic() - began, 3)
    result = result.model_copy(update={"seconds": seconds})
    name = {"complete": "Completed", "pruned": "Pruned", "failed": "Diverged"}[result.outcome]
    return in_state(name, result.reason, result)


@flow(
    name="sweep",
    description="Search for better numbers on the validation reviews; score the winner once.",
    flow_run_name="{sweep.study}",
    **RECORDED,
)
def sweep_flow(
    config: TrainingConfig = TrainingConfig(),
    sweep: SweepConfig = SweepConfig(),
    runner: RunnerConfig = RunnerConfig(),
    accelerator: Accelerator = "auto",
    artifacts: Path = Path("artifacts"),
) -> SweepReport:
    """Run the trials that the study still lacks, and train the config of the best one again.

    Args:
        config: What is varied.
        sweep: Budget, sampler, pruning, and where the study is kept.
        runner: Where, and how many at the same time.
        accelerator: auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).
        artifacts: Folder of the cache, the runs and the report.
    """
    session.begin_flow()
    require_honest(config.protocol)
    space = read_space(sweep.space, config)
    api = session.api_url()
    folder = ArtifactStore(artifacts).experiment("sweeps", sweep.study)
    stored = sweep.model_copy(update={"storage": experiments_study.storage_url(sweep, folder)})
    with only_one(folder, "sweep"), experiments_study.plain_faults(stored):
        study = experiments_study.create_study(stored, config, space)
        base = TrialRequest(
            number=0, config=config, sweep=stored, accelerator=accelerator, artifacts=artifacts
        )
        trials = SweepTrials(study, space, base)
        with task_runners.task_runner(runner) as place:
            best = trials.run(
                lambda request: place.submit(try_values, {"request": request, "api": api}),
                runner.workers,
            )
        winner = known_winner(study, best, artifacts)
        if winner is None:
            options = TrainOptions(
                config=with_values(config, best.values),
                accelerator=accelerator,
                artifacts=artifacts,
                refresh=("train",),
            )
            # The only run that uses the test reviews.
            again = experiment.train_run("the winner again", options, api)
            winner = note_winner(study, best, again)
        report = sweep_report(study, winner)
        write_sweep(folder, report)
    create_markdown_artifact(sweep_shown(report).markdown(), key="sweep")
    return report


def run_sweep(parameters: dict[str, Any]) -> None:
    """Run the flow for a person."""
    shown = partial(sweep_shown, most=_TRIALS_SHOWN)
    # Trials of earlier runs of the study have their task runs there.
    run_in_terminal(sweep_flow, parameters, shown, lambda _: 0)
