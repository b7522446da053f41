"""How far a training is, on its task run; sent from a thread of its own, so that it never waits."""

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Generic, TypeVar
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from flows.display.training_pace import Pace, describe
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


@contextmanager
def show_progress() -> Iterator[None]:
    """Show on its task run how far the training is that runs inside this context."""
    with closing(_Watcher()) as watcher, watch_training(watcher):
        yield


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
