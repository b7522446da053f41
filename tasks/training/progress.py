"""How far a training is, reported on the way to all who watch it.

The training knows nothing of its watchers, so that no code which shows progress is a part of the
training's cache key.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import SupportsFloat

from tasks.training.plan import TrainingState


@dataclass(frozen=True)
class TrainingProgress:
    """Where a training is: whole epochs of `most_epochs`, `step` of the `steps` of the next one.

    `metrics` are loss, accuracy and rate of the last whole epoch, by name, `running` those of the
    next one so far.
    """

    epochs_done: int
    most_epochs: int
    step: int
    steps: int
    metrics: dict[str, float]
    finished: bool = False
    running: Mapping[str, SupportsFloat] = field(default_factory=dict)


Watcher = Callable[[TrainingProgress], None]
"""Is called after every step, in the thread that trains; so it must be quick.

What it raises ends the training.
"""

_WATCHERS: ContextVar[tuple[Watcher, ...]] = ContextVar("watchers of the training", default=())


@contextmanager
def watch_training(watcher: Watcher) -> Iterator[None]:
    """Have the trainings inside this context tell `watcher`, too, how far they are."""
    token = _WATCHERS.set((*_WATCHERS.get(), watcher))
    try:
        yield
    finally:
        _WATCHERS.reset(token)


def tell_progress(
    state: TrainingState,
    most_epochs: int,
    step: int,
    steps: int,
    *,
    running: Mapping[str, SupportsFloat] | None = None,
    finished: bool = False,
) -> None:
    """Tell all watchers; `state` is that after the last whole epoch."""
    watchers = _WATCHERS.get()
    if watchers:
        metrics = {name: values[-1] for name, values in state.history.items()}
        done, now = state.epochs_done, running or {}
        told = TrainingProgress(done, most_epochs, step, steps, metrics, finished, now)
        for watcher in watchers:
            watcher(told)
