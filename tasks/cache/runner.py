"""Run the steps of one flow run, cached, and note for each how long it took and whether it hit."""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path, PurePath
from typing import Any, Concatenate, ParamSpec, TypeVar

from prefect import State, Task, runtime
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE

from tasks.cache.explain import explain_miss
from tasks.cache.key import KeyParts
from tasks.cache.policy import cache_options
from tasks.common.artifact_store import ArtifactStore, StepOutput, StepRun
from tasks.common.process_memory import give_back_memory
from tasks.common.records import read_record

_LOG = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

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
        task: Task[Concatenate[ArtifactStore, P], StepOutput],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> StepOutput:
        """Return what `task` left in the store, from the cache where its key is known."""
        asked = PREFECT_TASKS_REFRESH_CACHE.value()
        refresh = asked or task.name in self._refresh or "all" in self._refresh
        bound = task.with_options(refresh_cache=refresh, **self._options)
        output = self.fresh(bound, *args, **kwargs)
        self.outputs[task.name] = output
        return output

    def fresh(
        self, task: Task[Concatenate[ArtifactStore, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Return the result of `task`, which decides by itself whether it is computed."""
        begun, left = (_names(kept / task.name) for kept in (self.store.keys, self.store.records))
        started = time.monotonic()
        _LAST_STEP.set((str(runtime.flow_run.id), task.name))
        if watcher := _WATCHER.get(None):
            watcher(task.name)
        try:
            state = task(self.store, *args, return_state=True, **kwargs)
        except ValueError as error:  # of Prefect, where Ctrl-C comes as the task run begins
            if isinstance(error.__context__, KeyboardInterrupt):
                raise error.__context__ from None
            raise
        result = state.result()
        cached = state.name == "Cached"
        key = _key(state) if task.persist_result else None
        run = StepRun(
            step=task.name,
            cached=cached,
            why=self._origin(key) if cached else self._why(task, key, begun, left),
            key=key,
            seconds=round(time.monotonic() - started, 3),
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

    def _origin(self, key: str | None) -> str:
        """Return why a step was cached, and which run computed it."""
        said = "every part of its key is as before"
        try:
            computed_by = self.store.cached(key or "").flow_run_id
        except LookupError:  # removed meanwhile
            computed_by = None
        if computed_by is None:
            return said
        return f"{said}; {self.store.run_of(computed_by)} computed it"

    def _why(self, task: Task[..., Any], key: str | None, begun: set[str], left: set[str]) -> str:
        """Return why a step was computed that had `begun` by some keys, and `left` results."""
        if key is None:
            return "never from the cache"
        if task.refresh_cache:
            return "a refresh was requested"
        file = self.store.key_file(key)
        if file.name in begun:
            return (
                "its earlier result is missing or damaged"
                if file.name in left
                else "it was begun before, and left no result"
            )
        parts = read_record(KeyParts, file)
        if parts is None:
            return "its key could not be kept"
        return "; ".join(explain_miss(parts, [file.with_name(name) for name in begun & left]))


def _names(folder: Path) -> set[str]:
    return {file.name for file in folder.glob("[!.]*.json")}


def _key(state: State[R]) -> str | None:
    metadata = getattr(state.data, "metadata", None) or state.data
    stored = getattr(metadata, "storage_key", None)
    return "/".join(PurePath(stored).parts[-2:]) if stored else None
