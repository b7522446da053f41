"""Search for better numbers: `python flows/sweep_flow.py --recipe ngrams --trials 20`.

`--help` shows all options. A sweep that was interrupted goes on when the same command is given.
"""

from flows import sweep_command, train_command

if __name__ == "__main__":
    # Answered before Prefect is imported, so that --help and mistakes take no time.
    OPTIONS = sweep_command.read_options()
train_command.begin_process()

from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, cast  # noqa: E402

from prefect import flow, task  # noqa: E402
from prefect.artifacts import create_markdown_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.futures import PrefectFuture  # noqa: E402
from prefect.states import Completed  # noqa: E402
from prefect.task_runners import TaskRunner  # noqa: E402

from flows import prefect_session, sweep_text, task_runners  # noqa: E402
from flows.failure_hook import keep_failure_record  # noqa: E402
from flows.sweep_command import SweepOptions, require_honest  # noqa: E402
from flows.sweep_trials import SweepTrials  # noqa: E402
from flows.sweep_winner import known_winner, note_winner  # noqa: E402
from flows.train_in_process import TrainingRequest, train_in_process  # noqa: E402
from flows.trial_loop import run_trials  # noqa: E402
from flows.try_in_process import TrialRequest, try_in_process  # noqa: E402
from tasks import sweep_study  # noqa: E402
from tasks.folder_lock import only_one  # noqa: E402
from tasks.run_manifest import RunSummary  # noqa: E402
from tasks.runner_config import RunnerConfig  # noqa: E402
from tasks.search_space import read_space, with_values  # noqa: E402
from tasks.sweep_config import SweepConfig  # noqa: E402
from tasks.sweep_report import SweepReport, sweep_report, write_sweep  # noqa: E402
from tasks.training_config import Accelerator, TrainingConfig  # noqa: E402
from tasks.trial_result import TrialResult  # noqa: E402


@task(
    name="trial",
    task_run_name="trial {request.number}",
    # The steps of the trial come from the cache of the artifacts folder, which says why.
    cache_policy=NO_CACHE,
    retries=1,
)
def try_values(request: TrialRequest, api: str) -> TrialResult:
    """Return what came of one trial, run in a process of its own."""
    result = try_in_process(request, api)
    name = {"complete": "Completed", "pruned": "Pruned", "failed": "Diverged"}[result.outcome]
    # Prefect takes the state as that of the task run, and its data as the result.
    return cast("TrialResult", Completed(name=name, message=result.reason, data=result))


@task(name="train-winner", task_run_name="train the winner anew", cache_policy=NO_CACHE)
def train_winner(request: TrainingRequest, api: str) -> RunSummary:
    """Return the summary of the winner's run, the only one that looks at the test reviews."""
    return train_in_process(request, api)


@flow(
    name="sweep",
    description="Search for better numbers on the validation reviews; score the winner once.",
    flow_run_name="{sweep.study}",
    on_failure=[keep_failure_record],
    on_crashed=[keep_failure_record],
)
def sweep_flow(
    config: TrainingConfig = TrainingConfig(),
    sweep: SweepConfig = SweepConfig(),
    runner: RunnerConfig = RunnerConfig(),
    accelerator: Accelerator = "auto",
    artifacts: Path = Path("artifacts"),
) -> SweepReport:
    """Run the trials that the study still lacks, and train the config of the best one anew.

    Args:
        config: What is varied.
        sweep: Budget, sampler, pruning, and where the study is kept.
        runner: Where, and how many at the same time.
        accelerator: auto, cpu, gpu (the first one), gpu:N or multi-gpu (all).
        artifacts: Folder of the cache, the runs and the report.
    """
    prefect_session.show_our_logs()
    prefect_session.show_plain_errors()
    require_honest(config.protocol)
    space = read_space(sweep.space, config)
    api = prefect_session.api_url()
    folder = artifacts / "sweeps" / sweep.study
    stored = sweep.model_copy(update={"storage": sweep_study.storage_url(sweep, folder)})
    with only_one(folder, "sweep"), sweep_study.plain_faults(stored):
        study = sweep_study.create_study(stored, config, space)
        trials = SweepTrials(study, space, stored, config, accelerator, artifacts)
        with task_runners.task_runner(runner) as place:
            start = partial(_start, place, api)
            run_trials(trials.ask, start, trials.tell, runner.workers)
        best = trials.best()
        winner = known_winner(study, best, artifacts)
        if winner is None:
            request = TrainingRequest(
                config=with_values(config, best.values),
                accelerator=accelerator,
                artifacts=artifacts,
                refresh=("train",),
            )
            winner = note_winner(study, best, train_winner(request, api))
        report = sweep_report(study, winner)
        write_sweep(folder, report)
    create_markdown_artifact(sweep_text.sweep_markdown(report), key="sweep")
    return report


def _start(place: TaskRunner[Any], api: str, request: TrialRequest) -> PrefectFuture[TrialResult]:
    future: PrefectFuture[TrialResult] = place.submit(try_values, {"request": request, "api": api})
    return future


def main(options: SweepOptions) -> None:
    """Run the flow for a person."""
    # Trials of earlier runs of the study have their task runs there.
    report = prefect_session.call_flow(sweep_flow, options.artifacts, vars(options), lambda _: 0)
    sweep_command.show(report)


if __name__ == "__main__":
    main(OPTIONS)
