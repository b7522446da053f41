"""Where the trainings of a flow run: processes of this machine, or the workers of a cluster."""

from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from tasks.common.errors import import_extra
from tasks.config.experiments import RunnerConfig


def task_runner(config: RunnerConfig) -> TaskRunner[Any]:
    """Return the task runner; locally its threads each wait for a process."""
    workers, address = config.workers, config.address
    if config.runner == "local":
        return ThreadPoolTaskRunner(max_workers=workers)
    extra = import_extra(f"prefect_{config.runner}.task_runners", config.runner)
    runner: TaskRunner[Any]
    if config.runner == "dask":
        made = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        runner = extra.DaskTaskRunner(address=address, cluster_kwargs=None if address else made)
    else:
        made = {"num_cpus": workers, "include_dashboard": False}
        runner = extra.RayTaskRunner(address=address, init_kwargs=None if address else made)
    return runner
