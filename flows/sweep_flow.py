"""Search for better numbers: `python flows/sweep_flow.py --recipe ngrams --trials 20`.

`--help` shows all options. A sweep that was interrupted goes on when the same command is given.
"""

from flows import experiment_commands, train_command

if __name__ == "__main__":
    # Answered before Prefect is imported, so that --help and mistakes take no time.
    PARAMETERS = experiment_commands.read_sweep()
train_command.begin_process()

from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, cast  # noqa: E402

from prefect import flow, task  # noqa: E402
from prefect.artifacts import create_markdown_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.states import Completed  # noqa: E402

from flows import experiment, prefect_session, task_runners  # noqa: E402
from flows.experiment_text import sweep_shown  # noqa: E402
from flows.failure_hook import keep_failure_record  # noqa: E402
from flows.in_process import TrainingRequest, TrialRequest, try_in_process  # noqa: E402
from flows.sweep_trials import SweepTrials  # noqa: E402
from tasks import sweep_study  # noqa: E402
from tasks.artifact_store import ArtifactStore  # noqa: E402
from tasks.experiments_config import RunnerConfig, SweepConfig, require_honest  # noqa: E402
from tasks.folder_lock import only_one  # noqa: E402
from tasks.search_space import read_space, with_values  # noqa: E402
from tasks.sweep_report import (  # noqa: E402
    SweepReport,
    known_winner,
    note_winner,
    sweep_report,
    write_sweep,
)
from tasks.training_config import Accelerator, TrainingConfig  # noqa: E402
from tasks.trial_result import TrialResult  # noqa: E402

_SHOWN = 10
"""Trials, in the terminal."""


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
    folder = ArtifactStore(artifacts).experiment("sweeps", sweep.study)
    stored = sweep.model_copy(update={"storage": sweep_study.storage_url(sweep, folder)})
    with only_one(folder, "sweep"), sweep_study.plain_faults(stored):
        study = sweep_study.create_study(stored, config, space)
        trials = SweepTrials(study, space, stored, config, accelerator, artifacts)
        with task_runners.task_runner(runner) as place:
            best = trials.run(
                lambda request: place.submit(try_values, {"request": request, "api": api}),
                runner.workers,
            )
        winner = known_winner(study, best, artifacts)
        if winner is None:
            request = TrainingRequest(
                name="the winner anew",
                config=with_values(config, best.values),
                accelerator=accelerator,
                artifacts=artifacts,
                refresh=("train",),
            )
            # The only run that looks at the test reviews.
            winner = note_winner(study, best, experiment.train_run(request, api))
        report = sweep_report(study, winner)
        write_sweep(folder, report)
    create_markdown_artifact(sweep_shown(report).markdown(), key="sweep")
    return report


def main(parameters: dict[str, Any]) -> None:
    """Run the flow for a person."""
    shown = partial(sweep_shown, most=_SHOWN)
    # Trials of earlier runs of the study have their task runs there.
    experiment.run_in_terminal(sweep_flow, parameters, shown, lambda _: 0)


if __name__ == "__main__":
    main(PARAMETERS)
