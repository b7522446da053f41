"""A Dask cluster of this machine that loses a worker in the middle of a training."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.polling import wait_for

SAVED = "cache/training/*/epoch-*"


@contextmanager
def cluster_that_loses_a_worker(artifacts: Path) -> Iterator[str]:
    """Give the address of a cluster; kill one of its two workers once an epoch is saved."""
    distributed = pytest.importorskip("distributed")
    killed: list[int] = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:

        def kill_one() -> None:
            wait_for(lambda: list(artifacts.glob(SAVED)), 120)
            worker = next(iter(cluster.workers.values()))
            os.kill(worker.process.pid, signal.SIGKILL)
            killed.append(worker.process.pid)

        killer = threading.Thread(target=kill_one)
        killer.start()
        yield cluster.scheduler_address
        killer.join()
    assert killed
