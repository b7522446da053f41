"""A lock per cache key that dies with the process that holds it, even after kill -9."""

from pathlib import Path

from filelock import AcquireReturnProxy, FileLock

from tasks.common.locks import FOR_EVER, take_lock


class ProcessLock:
    """Prefect's lock manager on files: one process at a time computes a key.

    What it holds is free when the manager itself is gone.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder of the lock files."""
        self._folder = folder
        self._held: dict[str, tuple[AcquireReturnProxy[FileLock], str]] = {}

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
        try:
            self._held[key] = (self._take(key, acquire_timeout), holder)
        except TimeoutError:
            return False
        return True

    def release_lock(self, key: str, holder: str) -> None:
        """Free `key`; raise a ValueError where `holder` does not hold it."""
        if not self.is_lock_holder(key, holder):
            raise ValueError(f"{holder} does not hold the lock of {key}")
        self._held.pop(key)[0].lock.release()

    def is_locked(self, key: str) -> bool:
        """Tell whether some process holds `key`."""
        return not self.wait_for_lock(key, timeout=0)

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Tell whether `holder` holds `key` in this process."""
        return key in self._held and self._held[key][1] == holder

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds `key`; return False after `timeout` seconds."""
        try:
            with self._take(key, timeout):
                return True
        except TimeoutError:
            return False

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

    def _take(self, key: str, timeout: float | None) -> AcquireReturnProxy[FileLock]:
        return take_lock(
            self._folder / f"{key}.lock",
            f"another run computes {key}; waiting for its result",
            FOR_EVER if timeout is None else timeout,
        )
