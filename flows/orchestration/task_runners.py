"""Where the trainings of a flow run: processes of this machine, or the workers of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefect.task_runners import ThreadPoolTaskRunner

from tasks.common.errors import MissingExtraError

if TYPE_CHECKING:
    from prefect.task_runners import TaskRunner

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
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError:
        raise MissingExtraError("dask") from None
    made = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    runner: TaskRunner[Any] = DaskTaskRunner(
        address=address, cluster_kwargs=None if address else made
    )
    return runner


def _ray(workers: int, address: str | None) -> TaskRunner[Any]:
    try:
        from prefect_ray.task_runners import RayTaskRunner
    except ImportError:
        raise MissingExtraError("ray") from None
    made = {"num_cpus": workers, "include_dashboard": False}
    runner: TaskRunner[Any] = RayTaskRunner(address=address, init_kwargs=None if address else made)
    return runner
