"""A real PostgreSQL in a temporary folder."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def postgres_process() -> Iterator[str]:
    """Run PostgreSQL with an empty database; yield its address for Prefect."""
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
        with log.open("w") as lines:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, "-p", str(port)],
                user=user,
                cwd=folder,
                stdout=lines,
                stderr=lines,
            )
        try:
            _wait_until_ready(programs / "pg_isready", port, log)
            yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # as asked by one that waits for no client
            server.wait(30)
    finally:
        shutil.rmtree(folder)


def _wait_until_ready(pg_isready: Path, port: int, log: Path) -> None:
    ask: list[str | Path] = [pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + _START_LIMIT_S
    while subprocess.run(ask, check=False).returncode != 0:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
