"""The training flow: load → pad → persist-parquet → build → train → evaluate → plot (→ promote)."""

import logging
from pathlib import Path

from prefect import flow, runtime
from prefect.settings import PREFECT_API_URL

from flows.display.run_display import ENDING
from flows.display.run_tables import headline
from flows.display.runs_page import renew_runs_page
from flows.orchestration import run_artifacts, session, training_progress
from flows.orchestration.drift import require_no_drift
from flows.orchestration.failure_hook import RECORDED
from flows.orchestration.promotion import promote_run
from flows.orchestration.temporary_server import is_temporary
from tasks import steps
from tasks.cache.runner import StepRunner, as_task
from tasks.chain import learn_and_judge, load
from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import Accelerator, select_accelerator, start_tensorflow
from tasks.config.drift import DriftConfig
from tasks.config.naming import Naming
from tasks.config.promotion import PromotionConfig, require_promotable
from tasks.config.request import TrainOptions, require_divisible
from tasks.config.training import CachedStep, TrainingConfig
from tasks.model.own.code import check_network
from tasks.record_run import record_run
from tasks.registry.unchanged import require_change
from tasks.run_summary import RunSummary

LOG = logging.getLogger(__name__)

# Prefect's UI breaks a line wherever the text does, hence the backslashes.
_DESCRIPTION = """\
Trains a network on movie reviews, and a linear baseline on the same \
reviews, and scores both on the test reviews.

- **Steps**: fetch, load, baseline, pad, persist-parquet, build, train, evaluate, plot, analyse. \
Each but the first comes from the cache where nothing that it depends on has changed.
- **While it runs**: the Prefect artifact `progress` shows the epoch, and how long it may last. \
A run that was interrupted resumes where it stopped when it is started again.
- **Where requested**: `drift` compares the training reviews with those of the champion before \
the training, and warns or stops; `promotion` makes the run the champion if it passes all gates. \
Both leave an artifact of their name.
- **What it leaves**: the artifacts `report`, `metrics`, `data` and `cache` on the run, and the \
folder `artifacts/runs/<utc>-<id>/` with model, scores, charts and a manifest of hashes; \
`artifacts/runs.html` shows all runs over time.
"""


@flow(
    name="train-sentiment",
    description=_DESCRIPTION,
    flow_run_name=session.first_name,
    **RECORDED,
)
def train_flow(
    config: TrainingConfig = TrainingConfig(),
    accelerator: Accelerator = "auto",
    artifacts: Path = Path("artifacts"),
    refresh: tuple[CachedStep, ...] = (),
    cache: bool = True,  # noqa: FBT001, FBT002 - a parameter of the run form
    promotion: PromotionConfig | None = None,
    drift: DriftConfig | None = None,
    skip_unchanged: bool = False,  # noqa: FBT001, FBT002 - a parameter of the run form
    naming: Naming = Naming(),
) -> RunSummary:
    """Train, judge and record one model.

    Args:
        config: Reviews, text form, protocol, network, and how it learns.
        accelerator: auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).
        artifacts: Folder of the cache and the runs.
        refresh: Steps to compute again even where the cache has their result.
        cache: Whether results are looked up and kept; without, nothing can be resumed.
        promotion: Gates to pass to become the champion; without, no promotion is requested.
        drift: Bounds within which the training reviews must resemble the champion's; without,
            they are not compared.
        skip_unchanged: Whether to end, by an UnchangedError, where the run would only repeat the
            newest finished one.
        naming: What the run is called, its tags, and a note.
    """
    session.begin_flow()
    require_promotable(promotion, config.protocol)
    device = select_accelerator(accelerator)
    require_divisible(config.fit, device)
    check_network(config.network)
    LOG.info("device: %s (%s)", device.name, device.reason)
    with ArtifactStore(artifacts).in_use() as store:
        run = StepRunner(store, refresh=refresh, use_cache=cache)

        files = run.fresh(as_task(steps.fetch), config.source)
        naming = session.name_run(files, config, naming)
        loaded = load(run, files, config)
        drifted = require_no_drift(run, loaded, drift) if drift else None
        with training_progress.show_progress():
            learn_and_judge(run, loaded, config, files, device)

        if skip_unchanged:
            require_change(artifacts, run.runs, promotion)
        session.require_answer()
        summary = record_run(run, str(runtime.flow_run.id), config, files, device, drifted, naming)
        run_artifacts.publish(summary.folder)
        steps.forget_training(store, run.key("train"))
        if promotion is not None:
            summary = promote_run(summary, promotion, naming.name, device, store)
        renew_runs_page(artifacts)
    LOG.info("%s", headline(summary.score), extra=ENDING)
    return summary


def run_flow(options: TrainOptions, *, for_person: bool = False) -> RunSummary:
    """Run the training flow and return its summary; a failure ends the process with a sentence."""
    with session.ending_process():
        return train_here(options, for_person=for_person)


def train_here(options: TrainOptions, *, for_person: bool = True) -> RunSummary:
    """Run the training flow and return its summary; a PipelineError says what a user can fix."""
    if is_temporary(PREFECT_API_URL.value()) and not ArtifactStore(options.artifacts).keys.exists():
        start_tensorflow()  # a first run needs it, and the server takes as long to start
    promotions = int(options.promotion is not None)
    return session.result_of(
        train_flow,
        options.artifacts,
        dict(options),
        lambda made: len(made.steps) + promotions,
        for_person=for_person,
    )
