"""What this project knows of Prefect beyond its documented interface is so in that installed."""

import inspect
from types import ModuleType

import prefect
import pytest
from prefect import flow_engine, task_engine
from prefect.logging import loggers
from prefect.runner import Runner
from prefect.server.api import server
from prefect.server.models import events
from prefect.server.orchestration import core_policy
from prefect.workers import base

from flows.orchestration.server_process import SERVED
from flows.orchestration.temporary_server import OF_SERVER
from flows.scheduling import prefect_contracts as contracts


def test_the_contracts_were_read_in_the_prefect_that_is_installed() -> None:
    """After an upgrade: read what the other tests name, then set the version."""
    assert prefect.__version__ == contracts.VERSION


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (core_policy, f'message="{contracts.TURNED_AWAY}"'),
        (base, f'"{contracts.WORKER}": self.name'),
        (flow_engine, f'event="{contracts.HEARTBEAT}"'),
        (events, contracts.state_event("{validated_state.name}")),
        (flow_engine, f'get_logger("{contracts.RUN_LOGGERS[0].removeprefix("prefect.")}")'),
        *((loggers, f'"{name}"') for name in contracts.RUN_LOGGERS[1:]),
        *((server, f'"{name}": "{value}"') for name, value in OF_SERVER.items()),
        (server, f'"{SERVED}"'),
        (flow_engine, "self.logger.exception("),
        (task_engine, "self.logger.error("),
    ],
)
def test_prefects_source_still_says_it(module: ModuleType, words: str) -> None:
    assert words in inspect.getsource(module)


def test_a_runner_can_be_watched_and_stopped_from_within_its_loop() -> None:
    assert Runner().started is False
    for method in (Runner.start, Runner.astop, Runner.cancel_all):
        assert inspect.iscoroutinefunction(method)
