"""What a training needs, and how far it has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from tasks.common.device import CPU, Device
from tasks.common.records import Record
from tasks.config.training import FitConfig, NetworkConfig


@dataclass(frozen=True)
class TrainingPlan:
    """What a training needs.

    `initial_model` has its first weights and is not compiled; `train` and `validation`, whose loss
    chooses the epoch, are padded reviews (Parquet). Results are written to `folder`; `state` is
    where to save the training on the way, and to look for an interrupted one. Several devices share
    each batch. `network` is None for one of the user's own. `validates_apart` is False where the
    validation reviews are the test reviews, which then may choose no more than the epoch.
    """

    initial_model: Path
    train: Path
    validation: Path
    network: NetworkConfig | None
    fit: FitConfig
    folder: Path
    device: Device = CPU
    state: Path | None = None
    save_every_steps: int | None = None
    validates_apart: bool = True

    @property
    def best_model(self) -> Path:
        """File of the best model so far."""
        return self.folder / "best_model.keras"


class BegunEpoch(Record):
    """Where an epoch was interrupted: steps done, running sums of its metrics, dropout seeds."""

    steps_done: int
    metrics: list[float]
    seeds: list[list[int]]


class TrainingState(Record):
    """What is not an array: epochs done, history so far, callbacks, whether training is over."""

    epochs_done: int = 0
    finished: bool = False
    history: dict[str, list[float]] = Field(default_factory=dict)
    callbacks: dict[str, dict[str, int | float | None]] = Field(default_factory=dict)
    begun: BegunEpoch | None = None

    @property
    def steps_done(self) -> int:
        """Steps of the epoch after the last whole one."""
        return self.begun.steps_done if self.begun else 0


def best_epoch(history: Mapping[str, Sequence[float]]) -> int:
    """Return the epoch, from 1 on, whose model is kept: that with the lowest validation loss."""
    losses = history["val_loss"]
    return losses.index(min(losses)) + 1
