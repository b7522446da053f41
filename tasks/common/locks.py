"""Locks on files; each ends with the process that holds it, even after kill -9.

They hold within one machine, and on network file systems that support `flock`.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import AcquireReturnProxy, FileLock

from tasks.common.errors import FolderInUseError, storage_errors

_LOG = logging.getLogger(__name__)

_POLL_S = 0.2
FOR_EVER = -1.0


def take_lock(
    file: Path, waiting: str = "", timeout_s: float = FOR_EVER
) -> AcquireReturnProxy[FileLock]:
    """Wait until `file` is free and lock it; it is free after the `with` block, and stays behind.

    Where somebody else holds the lock, `waiting` is logged.

    Raises:
        TimeoutError: Somebody else held it all the time.
        OSError: The folder cannot be written to.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # What filelock falls back to without `flock` would outlive its process.
    lock = FileLock(file, thread_local=False, poll_interval=_POLL_S, fallback_to_soft=False)
    try:
        return lock.acquire(timeout=0)
    except TimeoutError:
        if timeout_s == 0:
            raise
    _LOG.info(waiting)
    return lock.acquire(timeout=timeout_s)


@contextmanager
def only_one(folder: Path, what: str) -> Iterator[None]:
    """Keep others that do `what` out of `folder` while the block runs.

    Raises:
        FolderInUseError: Another one is in progress.
        StorageError: The folder cannot be written to.
    """
    try:
        with storage_errors(folder):
            lock = take_lock(folder / f"{what}.lock", timeout_s=0)
    except TimeoutError:
        raise FolderInUseError(f"another run of {what} is in progress in {folder}") from None
    with lock:
        yield


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Keep maintenance out of `folder` while the block runs; waits for one in progress."""
    with _shared(folder, fcntl.LOCK_SH):
        yield


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep runs out of `folder` during the block; raise a FolderInUseError where there is one."""
    try:
        with _shared(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield
    except BlockingIOError:
        raise FolderInUseError(
            f"a run is in progress in {folder}; nothing was removed: start again when it has ended"
        ) from None


@contextmanager
def _shared(folder: Path, how: int) -> Iterator[None]:
    """Hold the lock that runs share; `filelock` has none such that needs no database."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "in_use.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
