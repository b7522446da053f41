"""How far a training is, on its task run; sent from a thread of its own, so that it never waits."""

import contextvars
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Generic, TypeVar
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from tasks.training.progress import TrainingProgress, watch_training

_LOG = logging.getLogger(__name__)

T = TypeVar("T")


class LatestSender(Generic[T]):
    """Sends what was put last, again and again; values that come too fast are left out.

    The thread starts with the first value, and sees the context variables of whoever puts it.
    """

    def __init__(self, send: Callable[[T], None], every_s: float, what: str) -> None:
        """Take `send`, which may be slow, may never return, or may fail, and what it sends."""
        self._send, self._every_s, self._what = send, every_s, what
        self._latest: T | None = None
        self._hurry = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._has_failed = False

    def put(self, value: T, *, at_once: bool = False) -> None:
        """Have a value sent when it is time, or at once; returns without waiting."""
        self._latest = value
        if self._thread is None:
            run = contextvars.copy_context().run
            self._thread = threading.Thread(
                target=run, args=(self._run,), name=self._what, daemon=True
            )
            self._thread.start()
        if at_once:
            self._hurry.set()

    def close(self, patience_s: float) -> None:
        """Have the newest value sent, wait for that but not longer than `patience_s`, and stop."""
        if self._thread is None:
            return
        self._closing.set()
        self._hurry.set()
        self._thread.join(patience_s)

    def _run(self) -> None:
        sent = None
        while True:
            # Asked before the value is taken, so that the last one is not missed.
            is_last = self._closing.is_set()
            latest = self._latest
            if latest is not None and latest is not sent:
                self._send_or_drop(latest)
                sent = latest
            if is_last:
                return
            self._hurry.wait(self._every_s)
            self._hurry.clear()

    def _send_or_drop(self, value: T) -> None:
        try:
            self._send(value)
        except Exception as error:  # whatever it is, it must not end the thread
            if not self._has_failed:
                _LOG.warning("%s cannot be shown for now (%s)", self._what, type(error).__name__)
            self._has_failed = True


KEY = "progress"
_EVERY_S = 3.0
_PATIENCE_S = 3.0
_MINUTE_S, _HOUR_S = 60, 3600


@contextmanager
def show_progress() -> Iterator[None]:
    """Show on its task run how far the training is that runs inside this context."""
    with closing(_Watcher()) as watcher, watch_training(watcher):
        yield


class Pace:
    """Tells how much longer a training takes, from how long its steps have taken."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._first: int | None = None
        self._since: tuple[int, float] | None = None

    def seconds_left(self, progress: TrainingProgress) -> float | None:
        """Return the seconds until the last epoch ends, None before two steps were seen.

        The first step is left out, since it compiles. An early stop comes sooner.
        """
        done, now = _steps_done(progress), time.monotonic()
        if self._first is None:
            self._first = done
        if self._since is None:
            self._since = (done, now) if done > self._first else None
            return None
        steps, seconds = done - self._since[0], now - self._since[1]
        left = progress.most_epochs * progress.steps - done
        return seconds / steps * left if steps > 0 else None


def _steps_done(progress: TrainingProgress) -> int:
    return progress.epochs_done * progress.steps + progress.step


def describe(progress: TrainingProgress, seconds_left: float | None) -> tuple[float, str]:
    """Return the percentage and the text of the progress bar of a training."""
    parts = [_where(progress)]
    if seconds_left is not None and not progress.finished:
        parts.append(f"at most {_duration(seconds_left)} left")
    if progress.metrics:
        loss, accuracy = (progress.metrics[name] for name in ("val_loss", "val_accuracy"))
        judged = f"val_loss {loss:.4f} and val_accuracy {accuracy:.4f}"
        parts.append(f"{judged} after epoch {progress.epochs_done}")
    return _percent(progress), ", ".join(parts)


def _where(progress: TrainingProgress) -> str:
    done, most = progress.epochs_done, progress.most_epochs
    if progress.finished:
        return f"finished after {done} of at most {most} epochs"
    if done and not progress.step:
        return f"{done} of at most {most} epochs done"
    return f"epoch {done + 1} of at most {most}"


def _percent(progress: TrainingProgress) -> float:
    if progress.finished:
        return 100.0
    steps = progress.most_epochs * progress.steps
    return round(100 * _steps_done(progress) / steps, 1)


def _duration(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{math.ceil(seconds)} s"
    if seconds < _HOUR_S:
        return f"{math.ceil(seconds / _MINUTE_S)} min"
    return f"{seconds / _HOUR_S:.1f} h"


class _Watcher:
    """Hands on how far the training is; called in the thread that trains."""

    def __init__(self) -> None:
        self._pace = Pace()
        self._sender = LatestSender(self._send, _EVERY_S, "the progress of the training")
        self._artifact: UUID | None = None

    def __call__(self, progress: TrainingProgress) -> None:
        latest = (progress, self._pace.seconds_left(progress))
        self._sender.put(latest, at_once=progress.step == 0)

    def close(self) -> None:
        self._sender.close(_PATIENCE_S)

    def _send(self, latest: tuple[TrainingProgress, float | None]) -> None:
        percent, description = describe(*latest)
        if self._artifact is None:
            created = create_progress_artifact(percent, KEY, description)
            assert isinstance(created, UUID)
            self._artifact = created
        else:
            update_progress_artifact(self._artifact, percent, description)
