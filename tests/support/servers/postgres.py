"""A real PostgreSQL in a temporary folder."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.servers.real_server import free_port

_START_LIMIT_S = 60

# Debian keeps them out of the path.
_INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)

_PLACES = os.pathsep.join([os.environ.get("PATH", ""), *map(str, reversed(_INSTALLED))])

_INITDB = shutil.which("initdb", path=_PLACES)

needs_postgres = pytest.mark.skipif(
    _INITDB is None, reason="PostgreSQL is not installed: apt-get install postgresql"
)


@dataclass(frozen=True)
class Postgres:
    """A running one: its address for Prefect, and how it is stopped and started again."""

    address: str
    stop: Callable[[], None]
    start: Callable[[], None]


@contextmanager
def postgres_process() -> Iterator[Postgres]:
    """Run PostgreSQL with an empty database."""
    assert _INITDB is not None
    programs = Path(_INITDB).resolve().parent
    # It refuses to run as root.
    user = "postgres" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        if user:
            shutil.chown(folder, user, user)
        data, log, port = folder / "data", folder / "log", free_port()
        subprocess.run(
            [programs / "initdb", "--username=prefect", "--auth=trust", "--no-sync", data],
            user=user,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        servers: list[subprocess.Popen[bytes]] = []

        def start() -> None:
            with log.open("a") as lines:
                command = [*map(str, (programs / "postgres", "-D", data, "-k", folder, "-p", port))]
                servers.append(
                    subprocess.Popen(command, user=user, cwd=folder, stdout=lines, stderr=lines)
                )
            _wait_until_ready(programs / "pg_isready", port, log)

        def stop() -> None:
            servers[-1].send_signal(signal.SIGINT)  # as asked by one that waits for no client
            servers[-1].wait(30)

        try:
            start()
            yield Postgres(f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres", stop, start)
        finally:
            stop()
    finally:
        shutil.rmtree(folder)


def _wait_until_ready(pg_isready: Path, port: int, log: Path) -> None:
    ask: list[str | Path] = [pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + _START_LIMIT_S
    while subprocess.run(ask, check=False).returncode != 0:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
