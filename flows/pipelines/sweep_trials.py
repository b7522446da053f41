"""The trials of one sweep: which comes next, and what is noted of those that have ended."""

import logging
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from prefect.futures import PrefectFuture

from flows.pipelines.in_process import TrialRequest
from tasks.common.errors import InvalidConfigError, PipelineError, first_line
from tasks.config.search_space import SearchSpace, with_values
from tasks.experiments.study import (
    AskedTrial,
    EndedTrial,
    begun_trials,
    ended_trials,
    next_trial,
    spent_seconds,
    tell_result,
)
from tasks.experiments.sweep_report import best_trial
from tasks.experiments.trial import TrialResult

if TYPE_CHECKING:
    import optuna

_LOG = logging.getLogger(__name__)

_MOST_FAILURES = 3
"""In a row: then it is no fault of a trial's values."""


class TrialsFailedError(PipelineError):
    """No trial can be run; says what became of the last one."""


class SweepTrials:
    """Resumes what was begun, then begins new trials while the budget lasts."""

    def __init__(self, study: "optuna.Study", space: SearchSpace, base: TrialRequest) -> None:
        """Take the study, the values to try, and the trial that they are tried in."""
        self._study, self._space, self._base, self._sweep = study, space, base, base.sweep
        self._left = begun_trials(study, space)
        self._spent, self._began = spent_seconds(study), time.monotonic()
        self._failures: list[str] = []

    def run(
        self, start: Callable[[TrialRequest], PrefectFuture[TrialResult]], at_once: int
    ) -> EndedTrial:
        """Keep so many trials going until no more may begin, and return the best of the study.

        A TrialsFailedError says that the last ones failed in a row, or that none is complete.
        """
        ended: SimpleQueue[PrefectFuture[TrialResult]] = SimpleQueue()
        going: dict[Any, TrialRequest] = {}
        while True:
            while len(going) < at_once and (request := self.ask()) is not None:
                future = start(request)
                going[future.task_run_id] = request
                future.add_done_callback(ended.put)
            if not going:
                return self.best()
            future = ended.get()
            result: Any = future.result(raise_on_failure=False)
            self.tell(going.pop(future.task_run_id), result)

    def ask(self) -> TrialRequest | None:
        """Return the next trial, None where no more may begin."""
        while (asked := self._next()) is not None:
            try:
                config = with_values(self._base.config, asked.values)
            except InvalidConfigError as error:
                self._note(asked.number, TrialResult(outcome="failed", reason=first_line(error)))
                continue
            # A worker of a cluster was started in another folder; the study keeps what was given.
            update = {"number": asked.number, "config": config.absolute()}
            return self._base.model_copy(update=update)
        return None

    def tell(self, request: TrialRequest, result: TrialResult | Exception) -> None:
        """Note what came of a trial."""
        if isinstance(result, Exception):
            self._failures.append(first_line(result))
            result = TrialResult(outcome="failed", reason=first_line(result))
        else:
            self._failures.clear()
        self._note(request.number, result)

    def best(self) -> EndedTrial:
        """Return the best trial of the study; raises as `run` does."""
        if len(self._failures) >= _MOST_FAILURES:
            raise TrialsFailedError(
                f"the last {len(self._failures)} trials failed, and no more were begun:"
                f" {self._failures[-1]}"
            )
        ended = ended_trials(self._study)
        best = best_trial(ended, self._sweep.objective)
        if best is None:
            why = f", the last one since {ended[-1].result.reason}" if ended else ""
            raise TrialsFailedError(
                f"none of {len(ended)} trials is complete{why}; begin more with --trials or"
                " --minutes"
            )
        return best

    def _next(self) -> AskedTrial | None:
        if self._left:
            return self._left.pop(0)
        minutes = self._sweep.minutes
        is_late = minutes is not None and self._seconds() >= 60 * minutes
        if is_late or len(self._failures) >= _MOST_FAILURES:
            return None
        return next_trial(self._study, self._space, self._sweep)

    def _seconds(self) -> float:
        return self._spent + time.monotonic() - self._began

    def _note(self, number: int, result: TrialResult) -> None:
        value = f" {self._sweep.objective} {result.value:.4f}" if result.value is not None else ""
        why = f": {result.reason}" if result.reason else ""
        _LOG.info("trial %d: %s%s%s", number, result.outcome, value, why)
        tell_result(self._study, number, result, self._seconds())
