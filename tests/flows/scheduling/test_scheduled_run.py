"""The newest releases of Prefect's own dependencies break its scheduler without an error."""

from datetime import timedelta
from uuid import UUID

import pytest
from prefect.deployments.runner import RunnerDeployment

from flows.pipelines.train import train_flow
from tests.support.polling import wait_for


@pytest.mark.usefixtures("prefect_server")
def test_a_deployment_with_an_interval_gets_scheduled_runs() -> None:
    from prefect import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    with get_client(sync_client=True) as client:
        deployment = train_flow.to_deployment("nightly", interval=timedelta(hours=1))
        assert isinstance(deployment, RunnerDeployment)
        deployment_id = deployment.apply()
        assert isinstance(deployment_id, UUID)
        ours = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
        runs = wait_for(lambda: client.read_flow_runs(deployment_filter=ours))
        client.delete_deployment(deployment_id)
        assert all(run.state is not None and run.state.is_scheduled() for run in runs)
