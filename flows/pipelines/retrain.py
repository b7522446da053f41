"""Scheduled retraining: what `train_flow` does, where a run is due and something has changed."""

from pathlib import Path
from typing import Any

from prefect import State, flow

from flows.display.ending import print_ending
from flows.display.terminal import show_lines
from flows.orchestration import session
from flows.orchestration.failure_hook import RECORDED
from flows.pipelines.train import train_flow
from flows.scheduling.scheduled_turn import scheduled_turn
from flows.scheduling.states import not_done, not_needed
from tasks.common.device import Accelerator
from tasks.common.errors import UnchangedError
from tasks.config.drift import DriftConfig
from tasks.config.naming import Naming
from tasks.config.promotion import PromotionConfig
from tasks.config.training import TrainingConfig, require_pinned
from tasks.run_summary import RunSummary

# Prefect's UI breaks a line wherever the text does, hence the backslashes.
_DESCRIPTION = """\
Trains as train-sentiment does, and asks for the promotion of the model.

- **Skipped** (grey): the run was missed, and another one is its catch-up.
- **Skipped** (green): nothing has changed since the newest finished run; `force` trains anyway.
"""


@flow(
    name="retrain-sentiment",
    description=_DESCRIPTION,
    flow_run_name=session.first_name,
    **RECORDED,
)
def retrain_flow(
    config: TrainingConfig = TrainingConfig(),
    accelerator: Accelerator = "auto",
    artifacts: Path = Path("artifacts"),
    promotion: PromotionConfig | None = PromotionConfig(),
    drift: DriftConfig | None = DriftConfig(),
    force: bool = False,  # noqa: FBT001, FBT002 - a parameter of the run form
    naming: Naming = Naming(),
) -> RunSummary | State[Any]:
    """Train, judge, record and promote one model, or end as Skipped.

    Args:
        config: Reviews, text form, protocol, network, and how it learns. The source is never
            `auto`, which may be other reviews from run to run.
        accelerator: auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).
        artifacts: Folder of the cache and the runs.
        promotion: Gates to pass to become the champion; without, no promotion is requested.
        drift: Bounds within which the training reviews must resemble the champion's; without,
            they are not compared.
        force: Whether to train and compute all steps again even where nothing has changed.
        naming: What the run is called, its tags, and a note.
    """
    session.begin_flow()
    require_pinned(config.source)
    with scheduled_turn(artifacts, retrain_flow.name) as reason_not_to_run:
        if reason_not_to_run is not None:
            return not_done(reason_not_to_run)
        try:
            return train_flow.fn(
                config,
                accelerator,
                artifacts,
                refresh=("all",) if force else (),
                promotion=promotion,
                drift=drift,
                skip_unchanged=not force,
                naming=naming,
            )
        except UnchangedError as unchanged:
            return not_needed(str(unchanged))


def run_retraining(parameters: dict[str, Any]) -> None:
    """Run the flow once for a person, and print what came of it."""
    artifacts = parameters["artifacts"]
    result = session.call_flow(
        retrain_flow,
        artifacts,
        parameters,
        lambda done: len(getattr(done, "steps", ())),
        for_person=True,
    )
    if isinstance(result, RunSummary):
        print_ending(result)
    else:
        show_lines("Skipped: nothing has changed since the newest finished run; --force trains.")
