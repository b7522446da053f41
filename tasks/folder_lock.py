"""Who uses an artifacts folder: runs share it, maintenance has it alone.

The locks are those of `flock`: they end with the process that holds them, even after kill -9.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tasks.errors import FolderInUseError, storage_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK = "in_use.lock"


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Keep maintenance out of `folder` while the block runs; waits for one that goes on.

    Raises:
        StorageError: The folder cannot be written to.
    """
    with _locked(folder, fcntl.LOCK_SH):
        yield


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep runs out of `folder` while the block runs; they wait.

    Raises:
        FolderInUseError: A run goes on.
    """
    try:
        with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield
    except BlockingIOError:
        raise FolderInUseError(
            f"a run goes on in {folder}; nothing was removed: start again when it has ended"
        ) from None


@contextmanager
def only_one(folder: Path, what: str) -> Iterator[None]:
    """Keep others that do `what` out of `folder` while the block runs.

    Raises:
        FolderInUseError: Another one goes on.
        StorageError: The folder cannot be written to.
    """
    try:
        with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB, f"{what}.lock"):
            yield
    except BlockingIOError:
        raise FolderInUseError(f"another run of {what} goes on in {folder}") from None


@contextmanager
def _locked(folder: Path, how: int, name: str = _LOCK) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise storage_error(error, folder) or error from None
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
