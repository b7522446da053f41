"""The process of a temporary Prefect server, as `temporary_server` starts it."""

import logging
import os
import signal
import socket
import sys
from threading import Thread

import uvicorn

from flows.orchestration.process import require_prefect
from tasks.common.errors import PipelineError
from tasks.common.process_memory import without_collection

SERVED = "prefect.server.api.server:create_app"


def _end_with_parent() -> None:
    sys.stdin.read()  # ends when nobody holds the other side open, however that ended
    os.kill(os.getpid(), signal.SIGTERM)


def _in_one_line(record: logging.LogRecord) -> bool:
    """Shorten the traceback of a fault, as of a database, to what it says."""
    said = record.getMessage()
    if said.startswith("Traceback"):
        record.msg, record.args = said[said.rindex("\n  ") :].split("\n")[2], ()
    return True


def serve(listening: socket.socket) -> None:
    """Serve Prefect's API on a socket until the standard input ends."""
    Thread(target=_end_with_parent, daemon=True).start()
    config = uvicorn.Config(SERVED, factory=True, log_level="error", lifespan="on")
    with without_collection():
        try:
            require_prefect()
        except PipelineError:
            sys.exit(1)  # its parent says the same
        config.load()
    logging.getLogger("uvicorn.error").addFilter(_in_one_line)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
