"""The newest releases of Prefect's own dependencies break its scheduler without an error."""

import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from flows.train_flow import train_flow
from tests.real_server import prefect_server_process

_LIMIT_S = 120


def test_a_deployment_with_an_interval_gets_scheduled_runs(tmp_path: Path) -> None:
    from prefect import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with (
        prefect_server_process(tmp_path) as (url, _),
        temporary_settings({PREFECT_API_URL: url}),
        get_client(sync_client=True) as client,
    ):
        deployment = train_flow.to_deployment("nightly", interval=timedelta(hours=1))
        deployment_id = deployment.apply()
        assert isinstance(deployment_id, UUID)
        ours = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
        deadline = time.monotonic() + _LIMIT_S
        while not (runs := client.read_flow_runs(deployment_filter=ours)):
            assert time.monotonic() < deadline, "no run was scheduled"
            time.sleep(0.5)
        assert all(run.state is not None and run.state.is_scheduled() for run in runs)
