"""One trial of a sweep: load → pad → persist-parquet → build → train; no test review is used."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow

from flows.orchestration import session, training_progress
from flows.orchestration.failure_hook import RECORDED
from tasks import steps
from tasks.cache.runner import StepRunner, as_task, in_state
from tasks.chain import learn, load
from tasks.common.artifact_store import ArtifactStore, StepRun
from tasks.common.device import Accelerator, select_accelerator
from tasks.common.errors import DivergedError, PipelineError, PrunedTrialError
from tasks.config.experiments import SweepConfig
from tasks.config.request import require_divisible
from tasks.config.training import TrainingConfig
from tasks.experiments.study import open_trial, plain_faults
from tasks.experiments.trial import TrialReporter, TrialResult
from tasks.training.plan import best_epoch
from tasks.training.progress import watch_training

LOG = logging.getLogger(__name__)


@flow(
    name="sweep-trial",
    description="Train one config of a sweep and judge it on the validation reviews.",
    flow_run_name="{sweep.study}-trial{number}",
    **RECORDED,
)
def trial_flow(
    number: int,
    config: TrainingConfig,
    sweep: SweepConfig,
    accelerator: Accelerator = "auto",
    artifacts: Path = Path("artifacts"),
) -> TrialResult:
    """Train a config until its end, or until it is pruned."""
    session.begin_flow()
    device = select_accelerator(accelerator)
    require_divisible(config.fit, device)
    reporter = TrialReporter(open_trial(sweep, number), sweep.objective)
    with ArtifactStore(artifacts).in_use() as store, plain_faults(sweep):
        run = StepRunner(store)

        files = run.fresh(as_task(steps.fetch), config.source)
        loaded = load(run, files, config)
        try:
            with training_progress.show_progress(), watch_training(reporter):
                trained = learn(run, loaded, config, device).trained
        except (PrunedTrialError, DivergedError) as ended:
            return _ended_early(ended, reporter.epochs, run.runs)
        steps.forget_training(store, run.key("train"))
        history = json.loads(store.file(trained, "history.json").read_text())
        reporter.report_all(history)
        epoch = best_epoch(history)
        value = history[sweep.objective][epoch - 1]
        LOG.info("%s %.4f", sweep.objective, value)
        return TrialResult(
            outcome="complete",
            epochs=reporter.epochs,
            best_epoch=epoch,
            value=value,
            weights=str(trained.facts["best_model_hash"]),
            steps=tuple(run.runs),
        )


def _ended_early(reason: PipelineError, epochs: int, runs: Sequence[StepRun]) -> TrialResult:
    pruned = isinstance(reason, PrunedTrialError)
    result = TrialResult(
        outcome="pruned" if pruned else "failed",
        epochs=epochs,
        steps=tuple(runs),
        reason=str(reason),
    )
    return in_state("Pruned" if pruned else "Diverged", str(reason), result)


def run_trial(parameters: dict[str, Any]) -> TrialResult:
    """Run the flow in this process; a failure ends it with a sentence."""
    return session.call_flow(
        trial_flow, parameters["artifacts"], parameters, lambda result: len(result.steps)
    )
