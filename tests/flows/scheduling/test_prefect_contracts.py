"""What this project knows of Prefect beyond its documented interface is so in that installed."""

import inspect
from pathlib import Path

import prefect
import pytest
from prefect.runner import Runner

from flows.display.run_display import FAILED
from flows.orchestration.server_process import SERVED
from flows.orchestration.temporary_server import OF_SERVER
from flows.scheduling import prefect_contracts as contracts


def test_the_contracts_were_read_in_the_prefect_that_is_installed() -> None:
    """After an upgrade: read what the other tests name, then set the version."""
    assert prefect.__version__ == contracts.VERSION


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("server/orchestration/core_policy.py", f'message="{contracts.TURNED_AWAY}"'),
        ("workers/base.py", f'"{contracts.WORKER}": self.name'),
        ("flow_engine.py", f'event="{contracts.HEARTBEAT}"'),
        ("server/models/events.py", contracts.state_event("{validated_state.name}")),
        ("flow_engine.py", f'get_logger("{contracts.RUN_LOGGERS[0].removeprefix("prefect.")}")'),
        *(("logging/loggers.py", f'"{name}"') for name in contracts.RUN_LOGGERS[1:]),
        *(("server/api/server.py", f'"{name}": "{value}"') for name, value in OF_SERVER.items()),
        ("server/api/server.py", f'"{SERVED}"'),
        ("flow_engine.py", f'self.logger.exception("{FAILED}'),
        ("task_engine.py", "self.logger.error("),
    ],
)
def test_prefects_source_still_says_it(file: str, words: str) -> None:
    """It is read, not imported: to import the server takes each test process three seconds."""
    assert words in (Path(prefect.__file__).parent / file).read_text(encoding="utf-8")


def test_a_runner_can_be_watched_and_stopped_from_within_its_loop() -> None:
    assert Runner().started is False
    for method in (Runner.start, Runner.astop, Runner.cancel_all):
        assert inspect.iscoroutinefunction(method)
