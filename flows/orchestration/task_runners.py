"""Where the trainings of a flow run: processes of this machine, or the workers of a cluster."""

from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from tasks.common.errors import import_extra
from tasks.config.experiments import RunnerConfig


def task_runner(config: RunnerConfig) -> TaskRunner[Any]:
    """Return the task runner; locally its threads each wait for a process.

    Raises:
        MissingExtraError: The cluster's package is not installed.
    """
    if config.runner == "local":
        return ThreadPoolTaskRunner(max_workers=config.workers)
    make = _dask if config.runner == "dask" else _ray
    return make(config.workers, config.address)


def _dask(workers: int, address: str | None) -> TaskRunner[Any]:
    made_by = import_extra("prefect_dask.task_runners", "dask").DaskTaskRunner
    made = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    runner: TaskRunner[Any] = made_by(address=address, cluster_kwargs=None if address else made)
    return runner


def _ray(workers: int, address: str | None) -> TaskRunner[Any]:
    made_by = import_extra("prefect_ray.task_runners", "ray").RayTaskRunner
    made = {"num_cpus": workers, "include_dashboard": False}
    runner: TaskRunner[Any] = made_by(address=address, init_kwargs=None if address else made)
    return runner
