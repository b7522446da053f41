"""Scheduled retraining: what `train_flow` does, where a run is due and something has changed.

`python flows/serve_flow.py` runs it on a schedule; `python flows/retrain_flow.py` once, by hand.
"""

from flows import retrain_command, train_command

if __name__ == "__main__":
    OPTIONS = retrain_command.read_options()
train_command.begin_process()

from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from prefect import State, flow  # noqa: E402

from flows import prefect_session, skipped  # noqa: E402
from flows.failure_hook import keep_failure_record  # noqa: E402
from flows.scheduled_turn import scheduled_turn  # noqa: E402
from flows.train_flow import train_flow  # noqa: E402
from tasks.drift_config import DriftConfig  # noqa: E402
from tasks.errors import UnchangedError  # noqa: E402
from tasks.promotion_config import PromotionConfig  # noqa: E402
from tasks.run_manifest import RunSummary  # noqa: E402
from tasks.training_config import (  # noqa: E402
    Accelerator,
    ConvBilstmConfig,
    DataConfig,
    FitConfig,
    NetworkConfig,
    ProtocolConfig,
    SavingConfig,
    SourceConfig,
    TextConfig,
    require_pinned,
)

# Prefect's UI breaks a line wherever the text does, hence the backslashes.
_DESCRIPTION = """\
Trains as train-sentiment does, and asks for the promotion of the model.

- **Skipped** (grey): the run was missed, and another one makes up for it.
- **Skipped** (green): nothing has changed since the newest finished run; `force` trains anyway.
"""


@flow(
    name="retrain-sentiment",
    description=_DESCRIPTION,
    flow_run_name="{source.source}-{protocol.protocol}-seed{fit.seed}",
    on_failure=[keep_failure_record],
    on_crashed=[keep_failure_record],
)
def retrain_flow(
    source: SourceConfig = SourceConfig(),
    data: DataConfig = DataConfig(),
    text: TextConfig = TextConfig(),
    protocol: ProtocolConfig = ProtocolConfig(),
    network: NetworkConfig = ConvBilstmConfig(),
    fit: FitConfig = FitConfig(),
    saving: SavingConfig = SavingConfig(),
    accelerator: Accelerator = "auto",
    artifacts: Path = Path("artifacts"),
    promotion: PromotionConfig | None = PromotionConfig(),
    drift: DriftConfig | None = DriftConfig(),
    force: bool = False,  # noqa: FBT001, FBT002 - a parameter of the run form
) -> RunSummary | State[Any]:
    """Train, judge, record and promote one model, or end as Skipped.

    Args:
        source: Where the reviews come from; never `auto`, which may change from run to run.
        data: How they are read, held out and checked.
        text: How a review becomes a row of numbers.
        protocol: Which reviews choose the model and which judge it.
        network: Architecture, and sizes of its layers.
        fit: How the weights are learned.
        saving: How often an unfinished training is saved.
        accelerator: auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).
        artifacts: Folder of the cache and the runs.
        promotion: Gates to pass to become the champion; without, no promotion is asked for.
        drift: Bounds within which the training reviews must resemble the champion's; without,
            they are not compared.
        force: Whether to train and compute all steps again even where nothing has changed.
    """
    prefect_session.show_our_logs()
    prefect_session.show_plain_errors()
    require_pinned(source)
    with scheduled_turn(artifacts, retrain_flow.name) as reason_not_to_run:
        if reason_not_to_run is not None:
            return skipped.not_done(reason_not_to_run)
        try:
            return train_flow.fn(
                source=source,
                data=data,
                text=text,
                protocol=protocol,
                network=network,
                fit=fit,
                saving=saving,
                accelerator=accelerator,
                artifacts=artifacts,
                refresh=("all",) if force else (),
                promotion=promotion,
                drift=drift,
                skip_unchanged=not force,
            )
        except UnchangedError as unchanged:
            return skipped.not_needed(str(unchanged))


def _task_runs(summary: RunSummary | State[Any] | None) -> int:
    """Return how many task runs a run had at least."""
    return len(summary.steps) if isinstance(summary, RunSummary) else 0


if __name__ == "__main__":
    retrain_command.show(
        prefect_session.call_flow(retrain_flow, OPTIONS["artifacts"], OPTIONS, _task_runs)
    )
