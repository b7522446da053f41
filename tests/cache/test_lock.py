import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tasks.cache.lock import ProcessLock

KEY = "pad/abc"


@pytest.fixture
def lock(tmp_path: Path) -> ProcessLock:
    return ProcessLock(tmp_path)


def holding_process(folder: Path) -> subprocess.Popen[str]:
    """Start a process that takes KEY, says so, and waits."""
    code = (
        "import sys, time, pathlib; from tasks.cache.lock import ProcessLock;"
        f"lock = ProcessLock(pathlib.Path({str(folder)!r})); lock.acquire_lock({KEY!r}, 'other');"
        "print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_free_key_is_taken_and_given_back(lock: ProcessLock) -> None:
    assert lock.acquire_lock(KEY, "me")
    assert lock.is_locked(KEY)
    assert lock.is_lock_holder(KEY, "me")
    assert not lock.is_lock_holder(KEY, "you")
    assert not lock.is_locked("pad/other")
    lock.release_lock(KEY, "me")
    assert not lock.is_locked(KEY)


def test_the_holder_may_take_it_again_and_nobody_else_may_free_it(lock: ProcessLock) -> None:
    assert lock.acquire_lock(KEY, "me")
    assert lock.acquire_lock(KEY, "me", acquire_timeout=0)
    with pytest.raises(ValueError, match="you does not hold the lock"):
        lock.release_lock(KEY, "you")


def test_a_second_manager_waits_until_the_first_is_done(lock: ProcessLock, tmp_path: Path) -> None:
    other = ProcessLock(tmp_path)
    lock.acquire_lock(KEY, "me")
    assert not other.acquire_lock(KEY, "you", acquire_timeout=0.3)
    assert not other.wait_for_lock(KEY, timeout=0)
    threading.Timer(0.5, lock.release_lock, (KEY, "me")).start()
    assert other.acquire_lock(KEY, "you", acquire_timeout=20)


def test_a_lock_dies_with_its_process_even_by_kill_9(lock: ProcessLock, tmp_path: Path) -> None:
    process = holding_process(tmp_path)
    assert lock.is_locked(KEY)
    assert not lock.acquire_lock(KEY, "me", acquire_timeout=0)
    started = time.monotonic()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert lock.acquire_lock(KEY, "me", acquire_timeout=20)
    assert time.monotonic() - started < 10
