"""Run the steps of one flow run, cached, and note for each how long it took and whether it hit."""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePath
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from prefect import State, Task, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE
from prefect.states import Completed
from prefect.tasks import exponential_backoff

from tasks.cache.explain import Earlier, why_cached, why_computed
from tasks.cache.key import KEY_IN_USE, KeyParts
from tasks.cache.policy import cache_options
from tasks.cache.step_function import StepFunction
from tasks.common.artifact_store import ArtifactStore, StepOutput, StepRun
from tasks.common.device import tensorflow_start_seconds
from tasks.common.errors import is_worth_retrying
from tasks.common.process_memory import give_back_memory, peak_mib
from tasks.common.records import read_record

_LOG = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


def _may_pass(_task: object, _run: object, state: Any) -> bool:  # noqa: ANN401 - Prefect's types
    error = state.result(raise_on_failure=False)
    return isinstance(error, BaseException) and is_worth_retrying(error)


TASK_OPTIONS: dict[str, Any] = {
    # No tags: for those Prefect asks its server for a limit, again and again, and waits some two
    # seconds each time that SQLite is busy.
    "cache_policy": NO_CACHE,  # a `StepRunner` gives another one to the steps that it caches
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": _may_pass,
}


def as_task(step: StepFunction[P, R]) -> Task[Concatenate[ArtifactStore, P], R]:
    """Return the Prefect task of a step."""
    return task(name=step.name, task_run_name=step.run_name, **TASK_OPTIONS)(step.function)


def in_state(name: str, message: str | None, result: R) -> R:
    """Return a result in a completed state of this name, which Prefect takes as that of the run."""
    return cast("R", Completed(name=name, message=message, data=result))


_LAST_STEP: ContextVar[tuple[str, str] | None] = ContextVar("last_step", default=None)
"""Id of a flow run, and the step that it began last."""


_WATCHER: ContextVar[Callable[[str], None]] = ContextVar("watcher of the steps")


@contextmanager
def watch_steps(begins: Callable[[str], None]) -> Iterator[None]:
    """Have `begins` called with the name of each step that begins inside this context."""
    token = _WATCHER.set(begins)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def last_step(flow_run_id: str) -> str | None:
    """Return the step that a flow run of this thread began last."""
    begun = _LAST_STEP.get()
    return begun[1] if begun and begun[0] == flow_run_id else None


class StepRunner:
    """Calls tasks one after the other with the store.

    `runs` says in order how each step went, `outputs` has what each cached step left, by its name.
    """

    def __init__(
        self, store: ArtifactStore, *, refresh: Collection[str] = (), use_cache: bool = True
    ) -> None:
        """Take the store, whose cache the steps share unless `use_cache` is false.

        The steps in `refresh` are computed again even on a hit; `all` means each.
        """
        self.runs: list[StepRun] = []
        self.outputs: dict[str, StepOutput] = {}
        self.store = store
        self._refresh = refresh
        self._options: dict[str, Any] = cache_options(store) if use_cache else {}

    def cached(
        self,
        step: StepFunction[P, StepOutput],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> StepOutput:
        """Return what `step` left in the store, from the cache where its key is known."""
        asked = PREFECT_TASKS_REFRESH_CACHE.value()
        refresh = asked or step.name in self._refresh or "all" in self._refresh
        bound = as_task(step).with_options(refresh_cache=refresh, **self._options)
        output = self.fresh(bound, *args, **kwargs)
        self.outputs[step.name] = output
        return output

    def fresh(
        self, task: Task[Concatenate[ArtifactStore, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Return the result of `task`, which decides by itself whether it is computed."""
        earlier = Earlier.of(self.store, task.name)
        KEY_IN_USE.set(None)
        started, tensorflow = time.monotonic(), tensorflow_start_seconds()
        _LAST_STEP.set((str(runtime.flow_run.id), task.name))
        if watcher := _WATCHER.get(None):
            watcher(task.name)
        try:
            state = task(self.store, *args, return_state=True, **kwargs)
        except ValueError as error:  # of Prefect, where a signal comes as the task run begins
            if error.__context__ is None or isinstance(error.__context__, Exception):
                raise
            raise error.__context__ from None
        result = state.result()
        cached = state.name == "Cached"
        key = _key(state) if task.persist_result else None
        if cached:
            why = why_cached(self.store, key)
        else:
            parts = read_record(KeyParts, self.store.key_file(key)) if key else None
            refresh = bool(task.refresh_cache)
            why = why_computed(self.store, key, parts, earlier, refresh=refresh)
        run = StepRun(
            step=task.name,
            cached=cached,
            why=why,
            key=key,
            seconds=round(time.monotonic() - started, 3),
            start_seconds=round(tensorflow_start_seconds() - tensorflow, 3),
            peak_mib=peak_mib(),
        )
        self.runs.append(run)
        if not cached:
            give_back_memory()
        told = (run.step, run.outcome, run.why, run.seconds)
        _LOG.info("%s: %s, %s (%.1f s)", *told, extra={"step_run": run})
        return result

    def key(self, step: str) -> str | None:
        """Return the cache key of a step that has run."""
        return next(run.key for run in self.runs if run.step == step)


def _key(state: State[R]) -> str | None:
    metadata = getattr(state.data, "metadata", None) or state.data
    stored = getattr(metadata, "storage_key", None)
    return "/".join(PurePath(stored).parts[-2:]) if stored else None
