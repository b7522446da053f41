"""A Prefect server for one process and its children, where no server is configured.

By itself Prefect starts the same one when it is first asked for a client. It imports all of the
server into the client's process before, and after a kill -9 its server stays for good.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from urllib.request import urlopen

from tasks.cache.own_sources import python_path
from tasks.common.device import prefect_home
from tasks.common.errors import PipelineError

ADDRESS = "PREFECT_API_URL"

OF_SERVER = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}
"""What Prefect sets for the server that it starts by itself."""

_STOP_LIMIT_S = 5.0


@dataclass
class TemporaryServer:
    """A server that ends when its standard input does, which this process alone holds open."""

    process: "subprocess.Popen[bytes]"
    url: str
    has_answered: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether its process has ended."""
        return self.process.poll() is not None

    def wait(self, limit_s: float) -> None:
        """Wait until it answers; a PipelineError says that it does not."""
        try:
            with urlopen(f"{self.url}/health", timeout=limit_s):  # noqa: S310 - on this machine
                self.has_answered = True
        except OSError:
            raise PipelineError(
                "Prefect's temporary server did not start: what it wrote above says why, and"
                " `prefect config view` shows its settings"
            ) from None

    def stop(self) -> None:
        """End it, once it has kept all that it was told."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


_SERVER = "flows.orchestration.server_process"

_started: list[TemporaryServer] = []


def temporary_server() -> TemporaryServer:
    """Return the server of this process, which is started where none is or the last one has ended.

    Its address is in the environment from then on, where Prefect looks for it when it is imported.
    It takes requests at once, and answers them when it is up.

    Raises:
        PipelineError: Prefect's folder cannot be written to.
    """
    if _started and not (_started[-1].has_answered and _started[-1].has_ended):
        return _started[-1]
    _require_home()
    settings = {name: value for name, value in os.environ.items() if name != ADDRESS}
    with socket.create_server(("127.0.0.1", 0)) as listening, _without_interrupts():
        process = subprocess.Popen(  # noqa: S603 - a module of this project
            [sys.executable, "-P", "-m", _SERVER, str(listening.fileno())],
            stdin=subprocess.PIPE,
            env=settings | OF_SERVER | {"PYTHONPATH": python_path()},
            pass_fds=[listening.fileno()],
        )
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
    server = TemporaryServer(process, url)
    _started.append(server)
    atexit.register(server.stop)
    os.environ[ADDRESS] = url
    return server


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Keep Ctrl-C from processes that are started meanwhile: it goes to all of a terminal.

    The records of what it ends are still to come.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def is_temporary(url: str | None) -> bool:
    """Tell whether the address of a server is that of this process's own."""
    return any(server.url == url for server in _started)


def _require_home() -> None:
    home = prefect_home()
    try:
        home.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=home).close()
    except OSError as error:
        raise PipelineError(
            f"Prefect cannot keep its records in {home} ({error.strerror}); set PREFECT_HOME to a"
            " folder that can be written to"
        ) from None
