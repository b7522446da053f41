"""The hook that leaves a record of each run that fails or crashes.

No hook runs in a process that was killed with SIGKILL; the automation of
`flows/scheduling/automations.py` closes such a run, and the server has its record.
"""

import logging
import re
from datetime import UTC, datetime
from inspect import signature
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State

from tasks.cache.runner import last_step
from tasks.common.errors import PipelineError, describe_os_error
from tasks.runs.failures import Failure, write_failure

_LOG = logging.getLogger(__name__)

_STYLES = re.compile(r"\x1b\[[\d;]*m")
"""Keras prints its messages in bold."""

_RESUMES = "what was finished comes from the cache, and a training resumes from its saved state"


def keep_failure_record(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Write why a run ended below its artifacts folder; for `on_failure` and `on_crashed`.

    The folder is the run's parameter `artifacts`. One that cannot be written to is logged.
    """
    artifacts = Path(flow_run.parameters.get("artifacts", "artifacts"))
    failure = Failure(
        failed_at=datetime.now(UTC),
        flow=flow.name,
        flow_run_id=str(flow_run.id),
        flow_run_name=flow_run.name,
        state=state.name or state.type.value,
        reason=_reason(flow, flow_run, state, artifacts),
        last_step=last_step(str(flow_run.id)),
        parameters=flow_run.parameters,
        next=_next(flow_run, state),
    )
    try:
        path = write_failure(artifacts, failure)
    except OSError as error:
        _LOG.warning("no record of this failure: %s", describe_os_error(error, artifacts))
    else:
        _LOG.info("what happened, and what to do: %s", path)


def _reason(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any], artifacts: Path) -> str:
    if unknown := sorted(flow_run.parameters.keys() - signature(flow.fn).parameters):
        return f"{flow.name} has no parameter {', '.join(unknown)}; leave it out of the deployment"
    error = state.result(raise_on_failure=False) if state.is_failed() else None
    if isinstance(error, PipelineError):
        return str(error)
    if isinstance(error, OSError):
        return describe_os_error(error, artifacts)
    return _STYLES.sub("", state.message or "Prefect gave no reason")


def _next(flow_run: FlowRun, state: State[Any]) -> str:
    fix = "fix what the reason names, then " if state.is_failed() else ""
    if flow_run.deployment_id is None:
        return f"{fix}start the same command again: {_RESUMES}"
    return (
        f"{fix}start the deployment again with the same parameters, in Prefect's UI or with"
        f" `prefect deployment run`: {_RESUMES}"
    )


RECORDED: dict[str, Any] = {
    "on_failure": [keep_failure_record],
    "on_crashed": [keep_failure_record],
}
"""Options of a flow whose failures leave a record."""
