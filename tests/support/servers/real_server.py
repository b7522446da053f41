"""A real Prefect server in a process of its own."""

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.polling import wait_for
from tests.support.servers.prefect_home import prefect_environment, prepare_home

_START_LIMIT_S = 180

_DRAIN_LIMIT_S = 30

STALLED_S = 150
"""A server on SQLite may stall for a minute, its limit for a lock, when clients are cut off."""


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def prefect_server_process(
    home: Path, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `prefect server start` with its database in `home`; yield its API's URL and process."""
    prepare_home(home)
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    own = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_UI_API_URL": url}
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, env=prefect_environment(home, **(own | environment)), stdout=log, stderr=log
        )
    try:
        wait_until_healthy(url, server)
        yield url, server
    finally:
        server.terminate()
        server.wait(STALLED_S)


@contextmanager
def talk_to(api: str) -> Iterator[None]:
    """Let this process talk to a server; what sent its records to another one is replaced.

    Prefect keeps the first connection of a process, though the setting has changed since.
    """
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api}):
        forget_connections()
        try:
            yield
        finally:
            forget_connections()


def forget_connections() -> None:
    """Hand over the last records, and close the connections that sent them."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=_DRAIN_LIMIT_S, at_exit=False)


def wait_until_healthy(api: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server whose API is at `api` answers."""

    def answers() -> bool:
        assert server.poll() is None, "the server ended at once"
        with suppress(OSError), urllib.request.urlopen(f"{api}/health", timeout=5) as response:
            return bool(response.status == 200)
        return False

    wait_for(answers, _START_LIMIT_S)
