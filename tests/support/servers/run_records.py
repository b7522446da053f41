"""What the Prefect server of this process has recorded of a flow run."""

from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import Artifact, TaskRun

from flows.orchestration.session import wait_until_recorded


def artifacts_where(chosen: ArtifactFilter) -> list[Artifact]:
    """Return the artifacts that a filter lets through."""
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=chosen)


def artifacts_of(flow_run_id: str) -> dict[str, Artifact]:
    """Return the artifacts of a run by their keys, of which no two are equal."""
    run = ArtifactFilterFlowRunId(any_=[UUID(flow_run_id)])
    found = artifacts_where(ArtifactFilter(flow_run_id=run))
    assert len({artifact.key for artifact in found}) == len(found)
    return {str(artifact.key): artifact for artifact in found}


def task_runs_of(flow_run_id: str, least: int) -> dict[str, TaskRun]:
    """Return the task runs of a run by their names, `least` of them at least, all ended."""
    wait_until_recorded(UUID(flow_run_id), least)
    runs = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(flow_run_id)]))
    with get_client(sync_client=True) as client:
        return {run.name: run for run in client.read_task_runs(flow_run_filter=runs)}
