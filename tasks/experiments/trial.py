"""Report the epochs of a trial to its study, and prune the trial that is worse than the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tasks.common.artifact_store import StepRun
from tasks.common.errors import PrunedTrialError
from tasks.common.records import Record
from tasks.config.experiments import Objective
from tasks.training.progress import TrainingProgress

if TYPE_CHECKING:
    import optuna

History = dict[str, list[float]]


class TrialReporter:
    """Watches the training of a trial.

    A training that is resumed reports the epoch that it resumes from, which may have been
    saved but not reported.
    """

    def __init__(self, trial: optuna.Trial, objective: Objective) -> None:
        """Take the trial, and which metric counts."""
        self.epochs = 0
        self._trial, self._objective = trial, objective
        known = trial.study.get_trials(deepcopy=False)[trial.number]
        self._reported = set(known.intermediate_values)

    def __call__(self, progress: TrainingProgress) -> None:
        """Report an epoch that has ended; raise a PrunedTrialError where others did better."""
        if progress.epochs_done <= self.epochs:
            return
        self.epochs = progress.epochs_done
        metric = progress.metrics[self._objective]
        self._report(metric)
        is_over = progress.finished or self.epochs == progress.most_epochs
        if not is_over and self._trial.should_prune():
            raise PrunedTrialError(
                f"{self._objective} {metric:.4f} after epoch {self.epochs} is worse than that of"
                " half of the earlier trials"
            )

    def report_all(self, history: History) -> None:
        """Report the epochs of a training that is over, as one from the cache is."""
        for epoch, metric in enumerate(history[self._objective], start=1):
            if epoch > self.epochs:
                self.epochs = epoch
                self._report(metric)

    def _report(self, metric: float) -> None:
        if self.epochs not in self._reported:
            self._trial.report(metric, self.epochs)


class TrialResult(Record):
    """How a trial ended.

    `value` is that of its best epoch, counted from 1 on, on the validation reviews; `weights` is
    the hash of the model of that epoch. A pruned trial has neither, one that failed has a reason
    alone.
    """

    outcome: Literal["complete", "pruned", "failed"]
    epochs: int = 0
    best_epoch: int | None = None
    value: float | None = None
    weights: str | None = None
    steps: tuple[StepRun, ...] = ()
    seconds: float = 0.0
    reason: str | None = None
