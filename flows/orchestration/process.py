"""The process of a flow: which source it runs, and its settings for Prefect and memory."""

import logging
import os
import sys
import warnings
from contextlib import redirect_stderr
from importlib import import_module
from io import StringIO, TextIOWrapper
from pathlib import Path

from pydantic import ValidationError

from flows.display.terminal import end_in_one_line, fail
from flows.orchestration.temporary_server import ADDRESS, temporary_server
from tasks.cache.own_sources import sources_at_start
from tasks.common.device import prefect_home, set_libraries_up
from tasks.common.errors import PipelineError, first_line
from tasks.common.process_memory import keep_memory_together, without_collection
from tasks.config.operations import HEARTBEAT_SECONDS
from tasks.config.training import describe_invalid

# Nothing about a run leaves the machine, a busy machine may take long to start the server, a
# server that is lost for half a minute, or answers 500 as its database is, is waited for but not
# much longer, and this project's log lines are shown.
_PREFECT_SETTINGS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_CLIENT_MAX_RETRIES": "4",
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",
    "PREFECT_API_REQUEST_TIMEOUT": "30",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks,flows",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}

_CHOOSE_SERVER = {
    ADDRESS,
    "PREFECT_PROFILE",
    "PREFECT_SERVER_EPHEMERAL_ENABLED",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE",
}

_LOCAL = ("127.0.0.1", "localhost", "::1")


def set_process_up() -> None:
    """Set what Prefect and libraries read when they are imported; what the user has set stays."""
    sys.excepthook = end_in_one_line
    # Else Prefect says at the end of a command that it waits for its last events.
    logging.getLogger("EventsWorker").setLevel(logging.ERROR)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # its encoding may know no "±"
    set_libraries_up()
    for name in [name for name, value in _given().items() if not value]:
        del os.environ[name]  # Prefect takes an empty address for that of a server
    for name, value in _PREFECT_SETTINGS.items():
        os.environ.setdefault(name, value)
    # A proxy cannot reach the servers of this machine. Of the two names, the lower one wins.
    direct = (os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")).split(",")
    hosts = ",".join(filter(None, dict.fromkeys([*direct, *_LOCAL])))
    os.environ.update(no_proxy=hosts, NO_PROXY=hosts)


def begin_process(*, for_run: bool = False) -> None:
    """Note the source that this process runs, set this project's defaults, and import Prefect.

    To be called before the flow is imported. Settings of which Prefect can make nothing end the
    process with one sentence. `for_run` starts a temporary server first where it is sure to be
    needed, so that it starts while this process imports.
    """
    sources_at_start()
    set_process_up()
    keep_memory_together()
    try:
        if for_run and not (server_may_be_configured() or "prefect.context" in sys.modules):
            temporary_server()
        else:  # of a temporary server nobody asks which runs live, and to end this takes a second
            os.environ.setdefault("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", str(HEARTBEAT_SECONDS))
        with without_collection():
            require_prefect()
    except PipelineError as error:
        fail(str(error))


def require_prefect() -> None:
    """Import Prefect, which reads its settings then.

    Raises:
        PipelineError: It can make nothing of them; names the first, and where it is set.
    """
    said = StringIO()  # by Prefect of the same fault
    try:
        with redirect_stderr(said), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the folder matters to who writes there
            import_module("prefect.context")
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise PipelineError(f"Prefect cannot use its settings: {_what_is_wrong(error)}") from None
    sys.stderr.write(said.getvalue())


def _what_is_wrong(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        where = "it" if ".toml" in str(error) else _profiles()
        return f"{first_line(error)}; correct {where}"
    value = str(error.errors()[0]["input"])
    names = [name for name, given in _given().items() if given == value]
    where = f"{names[0]} in the environment" if names else f"it in {_profiles()} or prefect.toml"
    return f"{describe_invalid(error).splitlines()[0]}; correct {where}"


def _given() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("PREFECT_")}


def _profiles() -> Path:
    """Return the file in which `prefect config set` keeps settings."""
    return Path(os.environ.get("PREFECT_PROFILES_PATH", prefect_home() / "profiles.toml"))


def server_may_be_configured() -> bool:
    """Tell, without Prefect, whether it may find a setting that says which server it takes."""
    files = (_profiles(), Path(".env"), Path("prefect.toml"))
    if _CHOOSE_SERVER & os.environ.keys() or any(map(Path.exists, files)):
        return True
    project = Path("pyproject.toml")
    return project.exists() and "tool.prefect" in project.read_text("utf-8", errors="replace")
