import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.cli.app import main
from flows.cli.runs import app
from tasks.common.errors import BadDataError, ExportError, MissingExtraError
from tasks.reports.mlflow import export_mlflow
from tests.support.made_runs import FIRST, HISTORY, SECOND, make_run

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow puts a local store's files below the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


def client_of(store: str) -> "MlflowClient":
    # Imported late: MLflow reads at once whether it may report its use.
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=store)


def exported(store: str, experiment: str) -> "list[MlflowRun]":
    client = client_of(store)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return list(client.search_runs([found.experiment_id]))


def test_a_run_is_copied_with_parameters_metrics_tags_and_files(tmp_path: Path, store: str) -> None:
    run = make_run(tmp_path, seed=7)
    result = export_mlflow(run, store, "whole", "Test Accuracy: 0.75")
    assert result.is_new
    (copy,) = exported(store, "whole")
    assert copy.info.run_id == result.mlflow_run_id
    assert (copy.info.run_name, copy.info.status) == (FIRST, "FINISHED")
    created = datetime.fromisoformat(run.manifest.created).timestamp() * 1000
    assert (copy.info.start_time, copy.info.end_time) == (created - 2500, created)
    assert (copy.data.params["seed"], copy.data.params["num_words"]) == ("7", "40")
    for name, value in {
        "protocol": "honest",
        "source": "files",
        "train_fingerprint": "train",
        "test_fingerprint": "test",
        "git_commit": "c" * 40,
        "mlflow.note.content": "Test Accuracy: 0.75",
    }.items():
        assert copy.data.tags[name] == value
    for name, number in {
        "test_accuracy": 0.75,
        "test_accuracy_low": 0.375,
        "test_accuracy_high": 1,
        "test_roc_auc_low": 0.8,
        "test_true_positive": 3,
        "baseline_test_accuracy": 0.75,
        "bayes_baseline_test_accuracy_high": 0.75,
    }.items():
        assert copy.data.metrics[name] == number
    client = client_of(store)
    losses = client.get_metric_history(copy.info.run_id, "val_loss")
    assert [(loss.step, loss.value) for loss in losses] == list(enumerate(HISTORY["val_loss"], 1))
    names = {file.path for file in client.list_artifacts(copy.info.run_id)}
    assert names == {path.name for path in run.folder.iterdir()}


def test_a_run_that_is_there_already_is_not_doubled(
    tmp_path: Path, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path, FIRST)
    make_run(tmp_path, SECOND)
    for name in (FIRST, SECOND, FIRST):
        options = [f"--tracking-uri={store}", "--experiment=twice", f"--artifacts={tmp_path}"]
        main(app, ["export", "mlflow", name, *options])
    first, second, again = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{FIRST} copied to experiment twice as ")
    assert second.startswith(f"{SECOND} copied to experiment twice as ")
    assert again == first.replace("copied to", "is already in")
    assert len(exported(store, "twice")) == 2


def test_what_an_interrupted_export_left_is_replaced(tmp_path: Path, store: str) -> None:
    client = client_of(store)
    part = client.create_run(client.create_experiment("part"), tags={"run_id": FIRST})
    result = export_mlflow(make_run(tmp_path), store, "part", "s")
    assert result.is_new
    (copy,) = exported(store, "part")
    assert copy.info.run_id == result.mlflow_run_id != part.info.run_id


def test_a_long_history_is_copied_in_several_calls(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.reports.mlflow._MOST_METRICS", 3)
    result = export_mlflow(make_run(tmp_path), store, "long", "s")
    client = client_of(store)
    assert len(client.get_metric_history(result.mlflow_run_id, "loss")) == 2


@pytest.mark.parametrize("store", ["nowhere://x", "sqlite:///reviews.csv"])
def test_a_store_that_cannot_be_used_is_one_sentence(tmp_path: Path, store: str) -> None:
    (tmp_path / "reviews.csv").write_text("text,label\n" * 99)
    with pytest.raises(ExportError, match=f"MLflow at {store} did not take the run: ") as raised:
        export_mlflow(make_run(tmp_path), store, "x", "s")
    assert "\n" not in str(raised.value)


def test_a_damaged_run_is_not_exported(tmp_path: Path, store: str) -> None:
    run = make_run(tmp_path)
    (run.folder / "predictions.parquet").write_bytes(b"")
    with pytest.raises(BadDataError, match=r"predictions\.parquet has 0 bytes"):
        export_mlflow(run, store, "damaged", "s")
    assert client_of(store).get_experiment_by_name("damaged") is None


def test_without_mlflow_the_command_that_installs_it_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(
        MissingExtraError, match=r"pip install -c constraints.txt -e '\.\[mlflow\]'"
    ):
        export_mlflow(make_run(tmp_path), "sqlite:///x.db", "x", "s")
