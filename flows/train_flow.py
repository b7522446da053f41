"""The training flow: load → pad → persist-parquet → build → train → evaluate → plot (→ promote).

Start it with `python flows/train_flow.py`; `--help` shows all options.
"""

from flows import train_command

if __name__ == "__main__":
    # Answered before Prefect is imported, so that --help and mistakes take no time.
    OPTIONS = train_command.read_options()
train_command.begin_process()

import logging  # noqa: E402
from pathlib import Path  # noqa: E402

from prefect import flow, runtime  # noqa: E402

from flows import (  # noqa: E402
    drift_step,
    prefect_session,
    promotion_step,
    run_artifacts,
    training_progress_artifact,
)
from flows.failure_hook import keep_failure_record  # noqa: E402
from tasks import steps  # noqa: E402
from tasks.artifact_store import ArtifactStore  # noqa: E402
from tasks.data_parallel import require_divisible  # noqa: E402
from tasks.drift_config import DriftConfig  # noqa: E402
from tasks.folder_lock import in_use  # noqa: E402
from tasks.promotion_config import PromotionConfig, require_promotable  # noqa: E402
from tasks.run_manifest import RunSummary  # noqa: E402
from tasks.run_record import record_run  # noqa: E402
from tasks.select_accelerator import select_accelerator  # noqa: E402
from tasks.step_runner import StepRunner  # noqa: E402
from tasks.training_config import (  # noqa: E402
    Accelerator,
    CachedStep,
    ConvBilstmConfig,
    DataConfig,
    FitConfig,
    NetworkConfig,
    ProtocolConfig,
    SavingConfig,
    SourceConfig,
    TextConfig,
    validated_config,
)
from tasks.unchanged_run import require_change  # noqa: E402

LOG = logging.getLogger("flows.train_flow")

# Prefect's UI breaks a line wherever the text does, hence the backslashes.
_DESCRIPTION = """\
Trains a network on movie reviews, and a linear control on the same \
reviews, and scores both on the test reviews.

- **Steps**: fetch, load, control, pad, persist-parquet, build, train, evaluate, plot, analyse. \
Each but the first comes from the cache where nothing that it depends on has changed.
- **While it runs**: the artifact `progress` tells the epoch, and how long it may last. A run that \
was interrupted goes on where it was when it is started again.
- **Where asked for**: `drift` compares the training reviews with those of the champion before \
the training, and warns or stops; `promotion` makes the run the champion if it passes all gates. \
Both leave an artifact of their name.
- **What it leaves**: the artifacts `report`, `metrics`, `data` and `cache` on the run, and the \
folder `artifacts/runs/<utc>-<id>/` with model, scores, figures and a manifest of hashes.
"""


@flow(
    name="train-sentiment",
    description=_DESCRIPTION,
    flow_run_name="{source.source}-{protocol.protocol}-seed{fit.seed}",
    on_failure=[keep_failure_record],
    on_crashed=[keep_failure_record],
)
def train_flow(  # noqa: PLR0913, PLR0917 - one for each part of the run form
    source: SourceConfig = SourceConfig(),
    data: DataConfig = DataConfig(),
    text: TextConfig = TextConfig(),
    protocol: ProtocolConfig = ProtocolConfig(),
    network: NetworkConfig = ConvBilstmConfig(),
    fit: FitConfig = FitConfig(),
    saving: SavingConfig = SavingConfig(),
    accelerator: Accelerator = "auto",
    artifacts: Path = Path("artifacts"),
    refresh: tuple[CachedStep, ...] = (),
    cache: bool = True,  # noqa: FBT001, FBT002 - a parameter of the run form
    promotion: PromotionConfig | None = None,
    drift: DriftConfig | None = None,
    skip_unchanged: bool = False,  # noqa: FBT001, FBT002 - a parameter of the run form
) -> RunSummary:
    """Train, judge and record one model.

    Args:
        source: Where the reviews come from.
        data: How they are read, held out and checked.
        text: How a review becomes a row of numbers.
        protocol: Which reviews choose the model and which judge it.
        network: Architecture, and sizes of its layers.
        fit: How the weights are learned.
        saving: How often an unfinished training is saved.
        accelerator: auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).
        artifacts: Folder of the cache and the runs.
        refresh: Steps to compute again even where the cache has their result.
        cache: Whether results are looked up and kept; without, nothing can be resumed.
        promotion: Gates to pass to become the champion; without, no promotion is asked for.
        drift: Bounds within which the training reviews must resemble the champion's; without,
            they are not compared.
        skip_unchanged: Whether to end, by an UnchangedError, where the run would only repeat the
            newest finished one.
    """
    prefect_session.show_our_logs()
    config = validated_config(
        source=source,
        data=data,
        text=text,
        protocol=protocol,
        network=network,
        fit=fit,
        saving=saving,
    )
    require_promotable(promotion, protocol)
    device = select_accelerator(accelerator)
    require_divisible(fit, device)
    LOG.info("device %s %s: %s", device.kind, device.name, device.reason)
    with in_use(artifacts):
        store = ArtifactStore(artifacts).open()
        run = StepRunner(store, refresh=refresh, use_cache=cache)

        files = run.fresh(steps.fetch, source)
        title = prefect_session.name_run(files, config)
        loaded = run.cached(steps.load, files, data)
        drifted = drift_step.require_no_drift(run, loaded, drift) if drift else None
        controlled = run.cached(steps.control, loaded, protocol)
        padded = run.cached(steps.pad, loaded, text, protocol)
        persisted = run.cached(steps.persist, padded, data.row_group_rows)
        built = run.cached(steps.build, text.num_words, text.maxlen, network, fit.seed, device)
        with training_progress_artifact.show_progress():
            trained = run.cached(steps.train, built, persisted, network, fit, saving, device)
        evaluated = run.cached(
            steps.evaluate, trained, persisted, fit.evaluation_batch_size, device
        )
        run.cached(steps.plot, trained, title)
        run.cached(steps.analyse, loaded, trained, evaluated, controlled, text)

        if skip_unchanged:
            require_change(artifacts, run.runs, promotion)
        summary = record_run(run, str(runtime.flow_run.id), config, files, device, drifted)
        run_artifacts.publish(summary.folder)
        steps.forget_training(store, run.key("train"))
        if promotion is not None:
            summary = promotion_step.promote_run(summary, promotion, title, device, store)
    LOG.info("%s", train_command.headline(summary.score))
    return summary


if __name__ == "__main__":
    prefect_session.run_in_terminal(train_flow, OPTIONS)
