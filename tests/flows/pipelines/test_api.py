"""The pipeline from Python: outside the repository, as a notebook has it."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flows.pipelines.api import TrainedRun, load_run, predict, train
from tasks.common.errors import BadDataError, InvalidConfigError
from tests.support.small_run import SMALL_OPTIONS, write_reviews

SMALL: dict[str, Any] = SMALL_OPTIONS | {"learning_rate": 0.01, "epochs": 2, "batch_size": 16}


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
    prefect_server: str,  # noqa: ARG001 - the run reports there
) -> TrainedRun:
    folder = tmp_path_factory.mktemp("outside")
    write_reviews(folder / "reviews.csv", 120)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return train("reviews.csv", accelerator="cpu", name="from Python", **SMALL)


def test_a_run_says_all_that_it_left(trained: TrainedRun) -> None:
    run = load_run("from Python", trained.folder.parent.parent)
    assert run.run_id == trained.run_id
    assert run.config.fit.epochs == 2
    assert len(run.history["val_loss"]) == 2
    assert run.metrics["accuracy"] == run.score.accuracy
    assert run.predictions.num_rows == run.score.test_reviews
    assert isinstance(run.predictions, pa.Table)
    assert run.report.name == "report.html"
    assert run.verdict.startswith(f"{run.score.accuracy:.4f}, ")
    assert run.load_model().count_params() > 0
    shown = run._repr_html_()
    assert run.verdict.split(",")[0] in shown
    assert "<b>" in shown
    assert repr(run) == f"TrainedRun({run.run_id})"


def test_a_run_and_the_newest_one_give_the_same_answers(trained: TrainedRun) -> None:
    texts = ["good fine", "bad dull"]
    answers = trained.predict(texts)
    assert answers == predict(texts, trained.folder.parent.parent)
    assert {label for label, _ in answers} <= {"pos", "neg"}
    assert all(0.5 <= probability <= 1 for _, probability in answers)


def test_the_same_settings_come_from_the_cache(
    trained: TrainedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trained.folder.parents[2]
    monkeypatch.chdir(folder)
    again = train("reviews.csv", accelerator="cpu", **SMALL)
    steps = json.loads((again.folder / "manifest.json").read_text())["steps"]
    assert all(step["cached"] for step in steps if step["key"])


def test_faults_are_exceptions_with_a_sentence(tmp_path: Path, trained: TrainedRun) -> None:
    with pytest.raises(InvalidConfigError, match=r"epoch=3: there is no such field; .* is epochs"):
        train("reviews.csv", epoch=3)
    with pytest.raises(BadDataError, match=r"missing\.csv"):
        train(tmp_path / "missing.csv", artifacts=tmp_path)
    with pytest.raises(BadDataError, match="no runs in"):
        load_run(artifacts=tmp_path)
    file, whole = trained.report, trained.report.read_bytes()
    file.write_bytes(b"damaged")
    with pytest.raises(BadDataError, match=r"report\.html"):
        assert trained.report
    file.write_bytes(whole)
