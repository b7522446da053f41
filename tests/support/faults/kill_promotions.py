"""Decide promotions in a process of its own that dies by kill -9 at a chosen file operation."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasks.common.artifact_store import ArtifactStore
from tasks.common.locks import take_lock
from tasks.registry.champion import ChampionStore
from tests.support.promotion_events import next_event

_AUDITED = ("open", "os.rename", "os.remove", "os.truncate")

_WRAPPED = ("write", "fsync", "replace")

_FORK = multiprocessing.get_context("fork")


def decide_and_die(artifacts: Path, operation: int | None, decisions: int = 1) -> int | None:
    """Append events in a child process; return its exit code, -9 for a kill.

    It is killed at a file operation, counted from 1 on, or at none.
    """
    child = _FORK.Process(target=_decide, args=(artifacts, operation, decisions))
    child.start()
    child.join()
    return child.exitcode


def _decide(artifacts: Path, operation: int | None, decisions: int) -> None:
    if operation is not None:
        _Killer(artifacts, operation)
    for _ in range(decisions):
        store = ChampionStore(artifacts)
        with store.deciding() as events:
            store.append(next_event(events))
    os._exit(0)


class _Killer:
    """Counts file operations of this process, and ends it at one of them."""

    def __init__(self, artifacts: Path, operation: int) -> None:
        self._root, self._left = str(artifacts), operation
        sys.addaudithook(self._audit)
        for name in _WRAPPED:
            setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _AUDITED and str(arguments[0]).startswith(self._root):
            self._count()

    def _wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(descriptor: int, *arguments: Any) -> Any:
            if name == "write" and self._left == 1:
                function(descriptor, arguments[0][: len(arguments[0]) // 2])  # a torn line
            self._count()
            return function(descriptor, *arguments)

        return wrapped

    def _count(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def lock_is_free(artifacts: Path) -> bool:
    """Tell whether nobody decides in an artifacts folder."""
    try:
        with take_lock(ArtifactStore(artifacts).deciding, timeout_s=0):
            return True
    except TimeoutError:
        return False
