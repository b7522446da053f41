"""Trainings with several seeds, each in a process of its own: on this machine, and on a cluster."""

import shutil
import sys
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from prefect.task_runners import ThreadPoolTaskRunner

from flows.display.experiments import seeds_shown
from flows.orchestration import session, task_runners
from flows.orchestration.task_runners import task_runner
from flows.pipelines.experiment import train_all, with_seeds
from flows.pipelines.seeds import seeds_flow
from tasks.common.errors import MissingExtraError
from tasks.config.experiments import RunnerConfig, SeedsConfig
from tasks.config.training import OwnNetworkConfig, SourceConfig, TrainingConfig
from tasks.experiments.side_by_side import SideBySide
from tasks.run_summary import RunSummary
from tasks.runs.find import find_runs
from tests.support.run_forker import RunForker
from tests.support.servers.killed_worker import cluster_that_loses_a_worker
from tests.support.start_run import ngram_config

HERE = RunnerConfig()

HONEST = SeedsConfig(seeds=2, protocols=("honest",))


def weights(artifacts: Path) -> dict[int, dict[str, str]]:
    """Return the weights hashes of the runs by seed."""
    found = find_runs(artifacts).runs
    return {run.manifest.seed: run.manifest.weights for run in found}


def accuracies(report: SideBySide) -> list[float]:
    return [run.accuracy for group in report.groups for run in group.runs]


@pytest.fixture(scope="module")
def local(
    trained_once: RunSummary,
    forker: RunForker,
    small_reviews: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, SideBySide]:
    """The artifacts and the report of two seeds trained here."""
    artifacts = tmp_path_factory.mktemp("seeds") / "artifacts"
    shutil.copytree(trained_once.folder.parent.parent / "cache", artifacts / "cache")
    with forker.trains():
        return artifacts, seeds_flow(ngram_config(small_reviews), HONEST, HERE, "cpu", artifacts)


def test_each_seed_is_a_run_of_its_own(local: tuple[Path, SideBySide]) -> None:
    artifacts, report = local
    runs = {run.manifest.run_id: run.manifest for run in find_runs(artifacts).runs}
    (group,) = report.groups
    assert [run.seed for run in group.runs] == [0, 1]
    for run in group.runs:
        assert runs[run.run_id].seed == run.seed
        assert runs[run.run_id].score.accuracy == run.accuracy
    assert group.gap is None


def test_the_report_is_kept_and_shown(local: tuple[Path, SideBySide]) -> None:
    artifacts, report = local
    (file,) = artifacts.glob("seeds/*/seeds.json")
    assert SideBySide.model_validate_json(file.read_bytes()) == report
    shown = seeds_shown(report).markdown()
    assert f"{report.groups[0].over_seeds.mean:.4f}" in shown
    assert report.groups[0].runs[1].run_id in shown


def test_each_config_is_trained_with_each_seed_in_turn(small_reviews: Path) -> None:
    configs = [ngram_config(small_reviews, seed=3, epochs=epochs) for epochs in (1, 2)]
    asked = with_seeds(configs, 2, lambda config: f"{config.fit.epochs} epochs")
    assert list(asked) == [
        "1 epochs, seed 3",
        "2 epochs, seed 3",
        "1 epochs, seed 4",
        "2 epochs, seed 4",
    ]
    assert [config.fit.seed for config in asked.values()] == [3, 3, 4, 4]


def test_trainings_find_their_files_in_whatever_folder_their_worker_was_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = MagicMock()
    monkeypatch.setattr(session, "api_url", str)
    monkeypatch.setattr(task_runners, "task_runner", lambda _: asked)
    source = SourceConfig(
        source="files",
        train_file=Path("a.csv"),
        test_file="s3://bucket/b.csv",
        label_fixes=Path("fixes.csv"),
    )
    network = OwnNetworkConfig(network="nets/my_net.py:build", embeddings=Path("glove.txt"))
    train_all({"one": TrainingConfig(source=source, network=network)}, HERE, "cpu", tmp_path)
    (((_, given), _),) = asked.__enter__().submit.call_args_list
    config, here = given["options"].config, Path.cwd()
    assert config.source.train_file == here / "a.csv"
    assert config.source.test_file == "s3://bucket/b.csv"
    assert config.source.label_fixes == here / "fixes.csv"
    assert config.network.network == f"{here}/nets/my_net.py:build"
    assert config.network.embeddings == here / "glove.txt"


def test_a_cluster_whose_package_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(task_runner(RunnerConfig()), ThreadPoolTaskRunner)
    for name in ("dask", "ray"):
        monkeypatch.setitem(sys.modules, f"prefect_{name}.task_runners", None)
        with pytest.raises(MissingExtraError, match=f"{name} is not installed; get it with"):
            task_runner(RunnerConfig.model_validate({"runner": name}))


@pytest.mark.slow
def test_a_dask_worker_that_is_killed_in_a_training_loses_nothing(
    local: tuple[Path, SideBySide], small_reviews: Path, tmp_path: Path
) -> None:
    artifacts = tmp_path / "artifacts"
    with cluster_that_loses_a_worker(artifacts) as address:
        place = RunnerConfig(runner="dask", address=address)
        report = seeds_flow(ngram_config(small_reviews), HONEST, place, "cpu", artifacts)
    assert accuracies(report) == accuracies(local[1])
    assert weights(artifacts) == weights(local[0])
