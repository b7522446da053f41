"""Run the steps of one flow run, cached, and note for each how long it took and whether it hit."""

from __future__ import annotations

import time
from pathlib import PurePath
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from tasks.run_manifest import StepRun
from tasks.step_cache import cache_options

if TYPE_CHECKING:
    from prefect import State, Task

    from tasks.artifact_store import ArtifactStore

P = ParamSpec("P")
R = TypeVar("R")


class StepRunner:
    """Calls tasks one after the other and keeps the list of what happened."""

    def __init__(self, store: ArtifactStore) -> None:
        """Take the store whose cache the steps share."""
        self.runs: list[StepRun] = []
        self._options = cache_options(store)

    def cached(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the result of `task`, from the cache where its key is known.

        Raises:
            Exception: Whatever the task raised.
        """
        return self._run(task.with_options(**self._options), *args, **kwargs)

    def fresh(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the result of `task`, computed in any case.

        Raises:
            Exception: Whatever the task raised.
        """
        return self._run(task, *args, **kwargs)

    def _run(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        started = time.monotonic()
        state = task(*args, return_state=True, **kwargs)
        result = state.result()
        self.runs.append(
            StepRun(
                step=task.name,
                cached=state.name == "Cached",
                key=_key(state) if task.persist_result else None,
                seconds=round(time.monotonic() - started, 3),
            )
        )
        return result


def _key(state: State[R]) -> str | None:
    metadata = getattr(state.data, "metadata", None) or state.data
    stored = getattr(metadata, "storage_key", None)
    return "/".join(PurePath(stored).parts[-2:]) if stored else None
