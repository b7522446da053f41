"""A sweep with real trials, each in a process of its own: cached, pruned, killed, on a cluster."""

import signal
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.settings import PREFECT_API_URL

from flows.display.experiments import sweep_shown
from flows.pipelines.sweep import sweep_flow
from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import FolderInUseError, InvalidConfigError
from tasks.common.locks import only_one
from tasks.config.experiments import RunnerConfig, SweepConfig
from tasks.config.training import TrainingConfig
from tasks.experiments.sweep_report import SweepReport
from tasks.runs.find import find_runs
from tasks.runs.read import read_config
from tests.support.polling import wait_for
from tests.support.run_forker import RunForker
from tests.support.servers.killed_worker import SAVED, cluster_that_loses_a_worker
from tests.support.start_run import ngram_config
from tests.support.terminal_run import (
    SLOW_NGRAM_RUN,
    from_file,
    kill_run,
    start_terminal_run,
    wait_for_line,
)

pytestmark = pytest.mark.usefixtures("prefect_server")

HERE = RunnerConfig()

SPACE = """
[fit.learning_rate]
low = 0.0001
high = 0.1
log = true

[network.ngram_smoothing]
low = 1.0
high = 20.0
"""


def sweep_of(space: Path, **changes: Any) -> SweepConfig:
    space.write_text(SPACE)
    return SweepConfig(space=space, sampler_seed=1, pruning_after=1, **({"trials": 2} | changes))


def config_of(reviews: Path) -> TrainingConfig:
    return ngram_config(reviews, epochs=3)


def told(report: SweepReport) -> list[tuple[Any, ...]]:
    """Return what must not depend on where, and in how many pieces, a sweep has run."""
    return [
        (one.values, one.result.outcome, one.result.epochs, one.result.value, one.result.weights)
        for one in report.trials
    ]


@pytest.fixture(scope="module")
def swept(
    prefect_server: str,  # noqa: ARG001 - starts it
    forker: RunForker,
    small_reviews: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, SweepReport]:
    """The artifacts and the report of a sweep with two trials."""
    folder = tmp_path_factory.mktemp("sweep")
    sweep = sweep_of(folder / "space.toml")
    artifacts = folder / "artifacts"
    with forker.trains():
        return artifacts, sweep_flow(config_of(small_reviews), sweep, HERE, "cpu", artifacts)


def test_trials_share_the_cached_steps_and_only_the_winner_sees_the_test_reviews(
    swept: tuple[Path, SweepReport],
) -> None:
    artifacts, report = swept
    cached = {step.step for step in report.trials[1].result.steps if step.cached}
    assert cached >= {"load", "pad", "persist-parquet"}
    keys = ArtifactStore(artifacts).keys
    assert len(list((keys / "train").glob("*.json"))) == 2
    assert len(list((keys / "evaluate").glob("*.json"))) == 1
    (run,) = find_runs(artifacts).runs
    assert run.manifest.run_id == report.winners[0].run_id
    # A state that is left would have the winner resume from it.
    assert not list((ArtifactStore(artifacts).training).glob("*/*"))


def test_the_winner_has_the_weights_of_the_best_trial(swept: tuple[Path, SweepReport]) -> None:
    artifacts, report = swept
    (winner,) = report.winners
    assert winner.trial == report.best == report.ranked[0].number
    assert winner.same_weights
    (run,) = find_runs(artifacts).runs
    assert {step.step: step.cached for step in run.manifest.steps}["train"] is False
    assert winner.score == run.manifest.score
    best = report.trials[report.best]
    assert read_config(run).fit.learning_rate == best.values["fit.learning_rate"]


def test_trials_are_task_runs_of_the_sweep(swept: tuple[Path, SweepReport]) -> None:
    _, report = swept
    with get_client(sync_client=True) as client:
        ours = FlowRunFilter(name=FlowRunFilterName(any_=["sweep"]))
        names = {run.name: run.state_name for run in client.read_task_runs(flow_run_filter=ours)}
    states = {"complete": "Completed", "pruned": "Pruned"}
    for trial in report.trials:
        assert names[f"trial {trial.number}"] == states[trial.result.outcome]


def test_a_sweep_that_is_over_is_shown_again_without_a_training(
    swept: tuple[Path, SweepReport], small_reviews: Path
) -> None:
    artifacts, report = swept
    space = artifacts.parent / "space.toml"
    again = sweep_flow(config_of(small_reviews), sweep_of(space), HERE, "cpu", artifacts)
    assert again == report
    assert len(find_runs(artifacts).runs) == 1


def test_the_report_is_kept_and_shown(swept: tuple[Path, SweepReport]) -> None:
    artifacts, report = swept
    folder = ArtifactStore(artifacts).experiment("sweeps", "sweep")
    assert SweepReport.model_validate_json((folder / "sweep.json").read_bytes()) == report
    assert (folder / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "sweep.svg").read_text()
    shown = sweep_shown(report).markdown()
    assert f"{report.winners[0].score.accuracy:.4f}" in shown
    assert "No trial has used the test reviews." in shown


def test_one_sweep_at_a_time_runs_in_a_study(tmp_path: Path, small_reviews: Path) -> None:
    artifacts = tmp_path / "artifacts"
    with (
        only_one(ArtifactStore(artifacts).experiment("sweeps", "sweep"), "sweep"),
        pytest.raises(FolderInUseError),
    ):
        sweep_flow(config_of(small_reviews), sweep_of(tmp_path / "s.toml"), HERE, "cpu", artifacts)


def test_a_protocol_that_chooses_on_the_test_reviews_is_refused(small_reviews: Path) -> None:
    with pytest.raises(InvalidConfigError, match="protocol='tutorial': must be 'honest'"):
        sweep_flow(ngram_config(small_reviews, protocol="tutorial"))


@pytest.mark.slow
@pytest.mark.parametrize("survivors", [True, False], ids=["the sweep alone", "all its processes"])
def test_a_sweep_killed_in_a_trial_resumes_to_the_same_trials_and_winner(
    small_reviews: Path, tmp_path: Path, survivors: bool
) -> None:
    (tmp_path / "space.toml").write_text(SPACE)
    options = [*from_file(small_reviews), *SLOW_NGRAM_RUN, f"--space={tmp_path / 'space.toml'}"]
    options += ["--trials=4", "--pruning-after=1", "--save-every-steps=20"]
    server: dict[str, Any] = {
        "program": "sweep_flow.py",
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
    }
    reports = []
    for name in ("whole", "killed"):
        folder = tmp_path / name
        folder.mkdir()
        process = start_terminal_run(folder, *options, **server)
        if name == "killed":
            wait_for_line(folder, process, "flows.pipelines.sweep_trials - trial 0: complete")
            wait_for(lambda: list((tmp_path / "killed/artifacts").glob(SAVED)), 120)
            if survivors:
                process.kill()
                process.wait()
            else:
                kill_run(process, signal.SIGKILL)
            process = start_terminal_run(folder, *options, **server)
        assert process.wait(600) == 0, (folder / "run.log").read_text()
        report = (folder / "artifacts/sweeps/sweep/sweep.json").read_bytes()
        reports.append(SweepReport.model_validate_json(report))
    whole, killed = reports
    assert told(killed) == told(whole)
    assert killed.best == whole.best
    assert killed.winners[0].score == whole.winners[0].score
    assert killed.winners[0].same_weights


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["dask", "ray"])
def test_a_cluster_gives_the_trials_of_this_machine(
    swept: tuple[Path, SweepReport], small_reviews: Path, tmp_path: Path, runner: str
) -> None:
    pytest.importorskip(f"prefect_{runner}")
    place = RunnerConfig.model_validate({"runner": runner})
    sweep = sweep_of(tmp_path / "space.toml")
    report = sweep_flow(config_of(small_reviews), sweep, place, "cpu", tmp_path / "artifacts")
    assert told(report) == told(swept[1])
    assert report.winners[0].score == swept[1].winners[0].score


@pytest.mark.slow
def test_a_dask_worker_killed_in_a_trial_loses_nothing(small_reviews: Path, tmp_path: Path) -> None:
    # Values that do not depend on which trial ends first.
    sweep = sweep_of(tmp_path / "space.toml", sampler="random", pruning=False, trials=3)
    config = config_of(small_reviews)
    here = sweep_flow(config, sweep, HERE, "cpu", tmp_path / "here")
    with cluster_that_loses_a_worker(tmp_path / "there") as address:
        place = RunnerConfig(runner="dask", workers=2, address=address)
        there = sweep_flow(config, sweep, place, "cpu", tmp_path / "there")
    assert told(there) == told(here)
