"""Send the newest of many values from a thread of its own, so that whoever has them never waits."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_LOG = logging.getLogger(__name__)

T = TypeVar("T")


class LatestSender(Generic[T]):
    """Sends what was put last, again and again; values that come too fast are left out.

    The thread starts with the first value, and sees the context variables of whoever puts it.
    """

    def __init__(self, send: Callable[[T], None], every_s: float, what: str) -> None:
        """Take how to send.

        Args:
            send: Sends one value; may be slow, may never return, may fail.
            every_s: Seconds between two sendings.
            what: Name of the values, for the log and the thread.
        """
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
