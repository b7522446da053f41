"""The process of a flow: which source it runs, and its settings for Prefect and memory."""

import os
from pathlib import Path

from tasks.cache.own_sources import sources_at_start
from tasks.common.device import set_libraries_up
from tasks.common.process_memory import keep_memory_together
from tasks.config.operations import HEARTBEAT_SECONDS

# Nothing about a run leaves the machine, a busy machine may take long to start the server, a
# server that is lost for half a minute is waited for but not much longer, a run says often that it
# lives, and this project's log lines are shown. Set before Prefect is imported, which reads them.
_PREFECT_SETTINGS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_CLIENT_MAX_RETRIES": "4",
    "PREFECT_API_REQUEST_TIMEOUT": "30",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks,flows",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}

_ADDRESS = "PREFECT_API_URL"


def begin_process() -> None:
    """Note the source that this process runs, and set this project's defaults for it and Prefect.

    To be called before the flow and Prefect are imported. What the user has set stays.
    """
    sources_at_start()
    set_libraries_up()
    keep_memory_together()
    for name, value in _PREFECT_SETTINGS.items():
        os.environ.setdefault(name, value)


def server_may_be_configured() -> bool:
    """Tell whether a server may be configured, without Prefect, whose import takes a second."""
    if _ADDRESS in os.environ:
        return True
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    profiles = Path(os.environ.get("PREFECT_PROFILES_PATH", home / "profiles.toml"))
    try:
        return _ADDRESS in profiles.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
