"""Keep so many trials going until there are no more to begin."""

from __future__ import annotations

from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect.futures import PrefectFuture

    from flows.try_in_process import TrialRequest
    from tasks.trial_result import TrialResult


def run_trials(
    ask: Callable[[], TrialRequest | None],
    start: Callable[[TrialRequest], PrefectFuture[TrialResult]],
    tell: Callable[[TrialRequest, TrialResult | Exception], None],
    at_once: int,
) -> None:
    """Ask for trials, start them, and tell what came of each as soon as it has ended.

    Args:
        ask: Returns the next one, None where no more may begin.
        start: Begins one.
        tell: Takes what came of it, an error where that is what came.
        at_once: Most trials that go on at the same time.
    """
    ended: SimpleQueue[PrefectFuture[TrialResult]] = SimpleQueue()
    going: dict[Any, TrialRequest] = {}
    while True:
        while len(going) < at_once and (request := ask()) is not None:
            future = start(request)
            going[future.task_run_id] = request
            future.add_done_callback(ended.put)
        if not going:
            return
        future = ended.get()
        result: Any = future.result(raise_on_failure=False)
        tell(going.pop(future.task_run_id), result)
