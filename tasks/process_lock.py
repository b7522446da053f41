"""A lock per cache key that dies with the process that holds it, even after kill -9."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from pathlib import Path

_LOG = logging.getLogger(__name__)
_POLL_S = 0.2


class ProcessLock:
    """Prefect's lock manager on `flock`: one process at a time computes a key.

    Locks hold within one machine, and on network file systems that support `flock`.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder of the lock files."""
        self._folder = folder
        self._held: dict[str, tuple[int, str]] = {}

    def acquire_lock(
        self,
        key: str,
        holder: str,
        acquire_timeout: float | None = None,
        hold_timeout: float | None = None,  # noqa: ARG002 - held until released or dead
    ) -> bool:
        """Wait until `key` is free and take it; return False after `acquire_timeout` seconds."""
        if self.is_lock_holder(key, holder):
            return True
        descriptor = self._wait_for(key, acquire_timeout)
        if descriptor is None:
            return False
        self._held[key] = (descriptor, holder)
        return True

    def release_lock(self, key: str, holder: str) -> None:
        """Free `key`.

        Raises:
            ValueError: `holder` does not hold it.
        """
        if not self.is_lock_holder(key, holder):
            raise ValueError(f"{holder} does not hold the lock of {key}")
        descriptor, _ = self._held.pop(key)
        os.close(descriptor)

    def is_locked(self, key: str) -> bool:
        """Tell whether some process holds `key`."""
        if key in self._held:
            return True
        descriptor = self._try(key)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Tell whether `holder` holds `key` in this process."""
        return self._held.get(key, (0, ""))[1] == holder

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds `key`; return False after `timeout` seconds."""
        descriptor = self._wait_for(key, timeout)
        if descriptor is None:
            return False
        os.close(descriptor)
        return True

    async def aacquire_lock(
        self,
        key: str,
        holder: str,
        acquire_timeout: float | None = None,
        hold_timeout: float | None = None,
    ) -> bool:
        """Do what `acquire_lock` does; Prefect's protocol asks for it, our tasks are not async."""
        return self.acquire_lock(key, holder, acquire_timeout, hold_timeout)

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Do what `wait_for_lock` does."""
        return self.wait_for_lock(key, timeout)

    def _wait_for(self, key: str, timeout: float | None) -> int | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        announced = False
        while (descriptor := self._try(key)) is None:
            if deadline is not None and time.monotonic() >= deadline:
                return None
            if not announced:
                _LOG.info("another run computes %s; waiting for its result", key)
                announced = True
            time.sleep(_POLL_S)
        return descriptor

    def _try(self, key: str) -> int | None:
        path = self._folder / f"{key}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor
