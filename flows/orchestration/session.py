"""The project's manners towards Prefect: names, tags, plain errors, nothing lost at exit."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import UUID

import httpx
from prefect import Flow, get_client, runtime
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.context import refresh_global_settings_context
from prefect.exceptions import CancelledRun, ParameterTypeError, SignatureMismatchError
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_LOGGING_LEVEL,
    PREFECT_SERVER_EPHEMERAL_ENABLED,
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS,
)

from flows.display.run_display import showing_run
from flows.display.terminal import EXIT_FAILED, fail, show_error
from flows.orchestration.process import begin_process
from flows.orchestration.temporary_server import is_temporary, temporary_server
from flows.scheduling.prefect_contracts import RUN_LOGGERS
from tasks.common.errors import PipelineError, describe_os_error, first_line
from tasks.common.formatting import without_credentials
from tasks.config.naming import Naming, default_name, reviews_name
from tasks.config.recipes import nearest_recipe
from tasks.config.training import TrainingConfig
from tasks.data.sources.source_files import SourceFiles, source_label

_LOG = logging.getLogger(__name__)

R = TypeVar("R")
_SERVER_ERRORS = (httpx.HTTPError, ConcurrencySlotAcquisitionError)
_PARAMETER_ERRORS = (ParameterTypeError, SignatureMismatchError)
_START = (
    "start one with `prefect server start`, and name it with `prefect config set"
    " PREFECT_API_URL=http://127.0.0.1:4200/api`"
)
_RECORDING_LIMIT_S = 15.0
_POLL_S = 0.1
_WORTH_A_HINT_S = 1.0


class ServerLostError(PipelineError):
    """The Prefect server stopped answering in the middle of a run."""


def show_our_logs() -> None:
    """Give this project's log lines Prefect's level; by itself it leaves them at WARNING."""
    for name in ("tasks", "flows"):
        logging.getLogger(name).setLevel(PREFECT_LOGGING_LEVEL.value())


def first_name() -> str:
    """Return the name of the current flow run before its source is resolved."""
    parameters = runtime.flow_run.parameters
    config: TrainingConfig = parameters["config"]
    name: str = parameters["naming"].name
    return name or default_name(config, config.source.source)


def name_run(files: SourceFiles, config: TrainingConfig, naming: Naming) -> Naming:
    """Name and tag the current flow run; return its naming, whose name is never empty.

    The tags in Prefect also say the resolved source, the reviews, recipe, protocol and seed.
    """
    source = source_label(files.source, files.form)
    name = naming.name or default_name(config, source)
    facts = {
        "source": source,
        "reviews": reviews_name(config, source),
        "recipe": nearest_recipe(config)[0],
        "protocol": config.protocol.protocol,
        "seed": config.fit.seed,
    }
    tags = [*(f"{fact}:{value}" for fact, value in facts.items()), *naming.tags]
    flow_run_id = runtime.flow_run.id
    if flow_run_id is not None:
        has_pages = (url := PREFECT_API_URL.value()) and not is_temporary(url)
        where = f", at {runtime.flow_run.ui_url}" if has_pages else ""
        _LOG.info("run %s%s", name, without_credentials(where))
        with get_client(sync_client=True) as client:
            client.update_flow_run(
                UUID(flow_run_id), name=name, tags=sorted({*runtime.flow_run.tags, *tags})
            )
    return naming.model_copy(update={"name": name})


def require_answer() -> None:
    """Ask the server for the current flow run, so that one that is gone is noticed before an end.

    Steps alone do not ask it anything. What ended without a server has no record there.
    """
    if runtime.flow_run.id is not None:
        with get_client(sync_client=True) as client:
            client.read_flow_run(UUID(runtime.flow_run.id))


def begin_flow() -> None:
    """Prepare the process of a flow run, and show our log lines."""
    begin_process()
    show_our_logs()


class PlainErrors(logging.Filter):
    """Drop the traceback of errors that say all in their message, and passwords in addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop that of a skipped run; shorten those of errors that are reported in one sentence."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, CancelledRun):
            return False  # a skipped run, whose state has the reason
        if isinstance(error, (PipelineError, OSError, *_PARAMETER_ERRORS, *_SERVER_ERRORS)):
            record.exc_info = record.exc_text = None
            if str(error) not in record.getMessage():
                record.msg, record.args = f"{record.getMessage()}: {error}", ()
        said = record.getMessage()
        if said != (shown := without_credentials(said)):
            record.msg, record.args = shown, ()  # Prefect names the page of a run
        return True


# From now on, since a run may be refused for its parameters before its flow begins.
for _name in RUN_LOGGERS:
    logging.getLogger(_name).addFilter(PlainErrors())


def call_flow(
    flow: Flow[..., R],
    artifacts: Path,
    parameters: dict[str, Any],
    steps: Callable[[R], int],
    *,
    for_person: bool = False,
) -> R:
    """Run a flow and return its result; a failure ends the process with a sentence.

    `artifacts` is the folder named where the disk fails, `steps` tells from the result how many
    task runs there were at least. Output `for_person` is drawn in a terminal, and
    leaves to the caller what stands at its end.
    """
    with ending_process():
        return result_of(flow, artifacts, parameters, steps, for_person=for_person)


@contextmanager
def ending_process() -> Iterator[None]:
    """End the process with a sentence where a fault that a user can fix ends what is inside."""
    try:
        yield
    except ServerLostError as error:
        # At once: Prefect would try for minutes to hand over its last records.
        show_error(str(error))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(EXIT_FAILED)
    except PipelineError as error:
        fail(str(error))


def result_of(
    flow: Flow[..., R],
    artifacts: Path,
    parameters: dict[str, Any],
    steps: Callable[[R], int],
    *,
    for_person: bool,
) -> R:
    """Run a flow and return its result, as `call_flow` does.

    Raises:
        ServerLostError: The Prefect server stopped answering.
        PipelineError: Any other fault that a user can fix.
    """
    try:
        with showing_run(for_person=for_person):
            show_our_logs()
            _require_server()
            state: Any = flow(**parameters, return_state=True)
            # In a notebook, where an event loop runs, it would be a coroutine.
            result: Any = state.result(raise_on_failure=False, _sync=True)
            recorded = 0 if isinstance(result, BaseException) else steps(result)
            wait_until_recorded(state.state_details.flow_run_id, recorded)
    except (PipelineError, *_SERVER_ERRORS) as error:
        result = error
    except Exception as error:
        result = PipelineError(
            f"Prefect cannot run {flow.name}: {first_line(error)}; `prefect config view` shows its"
            " settings"
        )
    if isinstance(result, _SERVER_ERRORS):
        is_answer = isinstance(result, httpx.HTTPStatusError)
        said = first_line(result) if is_answer else type(result).__name__
        raise ServerLostError(
            f"the Prefect server stopped answering ({said}); what was computed is kept: start the"
            " server and the same command again, and the run resumes from there"
        )
    if isinstance(result, OSError):
        raise PipelineError(describe_os_error(result, artifacts))
    if isinstance(result, BaseException):
        raise result
    return cast("R", result)


def api_url() -> str:
    """Return the URL of the API that this process reports to, a temporary server's included."""
    with get_client(sync_client=True) as client:
        return str(client.api_url)


def require_configured_server() -> str:
    """Return the URL of the server's API; end with one sentence where there is no such server."""
    if is_temporary(url := PREFECT_API_URL.value()) or not url:
        fail(f"no Prefect server is configured; {_START}")
    try:
        _require_server()
    except PipelineError as error:
        fail(str(error))
    return str(url)


def _require_server() -> None:
    """Raise a PipelineError where the configured server is silent, or none may be started."""
    url = PREFECT_API_URL.value()
    if not url or is_temporary(url):
        _require_temporary_server(url)
        return
    with get_client(sync_client=True) as client:
        fault = client.api_healthcheck()
    if fault is not None:
        unset = "unset" if "PREFECT_API_URL" in os.environ else "prefect config unset"
        raise PipelineError(
            f"the Prefect server at {url} does not answer ({type(fault).__name__}); start it with"
            f" `prefect server start`, or use a temporary one: `{unset} PREFECT_API_URL`"
        )


def _require_temporary_server(url: str | None) -> None:
    if url is None and not PREFECT_SERVER_EPHEMERAL_ENABLED.value():
        raise PipelineError(
            "no Prefect server is configured, and no temporary one is allowed;"
            f" {_START}, or set PREFECT_SERVER_EPHEMERAL_ENABLED=true"
        )
    began = time.monotonic()
    server = temporary_server()
    if server.url != url:
        refresh_global_settings_context()
    server.wait(PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value())
    seconds = time.monotonic() - began
    if seconds >= _WORTH_A_HINT_S:  # the second run of a notebook finds the first one's server
        _LOG.info(
            "waited %.0f s for a temporary Prefect server; to begin sooner, %s", seconds, _START
        )


def wait_until_recorded(flow_run_id: UUID, steps: int) -> None:
    """Wait until the server has recorded the end of every task run, of `steps` at least.

    Task states travel as events; a temporary server that stops at once loses the last ones.
    """
    runs = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    deadline = time.monotonic() + _RECORDING_LIMIT_S
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            states = [run.state for run in client.read_task_runs(flow_run_filter=runs)]
            if len(states) >= steps and all(state and state.is_final() for state in states):
                return
            time.sleep(_POLL_S)
