"""What came of one trial of a sweep."""

from typing import Literal

from tasks.records import Record
from tasks.run_manifest import StepRun


class TrialResult(Record):
    """How a trial ended.

    `figure` is that of its best epoch, counted from 1 on, on the validation reviews; `weights` is
    the hash of the model of that epoch. A pruned trial has neither, one that failed has a reason
    alone.
    """

    outcome: Literal["complete", "pruned", "failed"]
    epochs: int = 0
    best_epoch: int | None = None
    figure: float | None = None
    weights: str | None = None
    steps: tuple[StepRun, ...] = ()
    seconds: float = 0.0
    reason: str | None = None
