"""Reviews of three labels go through the whole pipeline as those of two do."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from flows.cli import predict, runs
from flows.pipelines.api import TrainedRun, load_run, train
from tasks.evaluation.slices import read_predictions, read_slices
from tasks.runs.manifest import read_manifest
from tasks.runs.read import read_json
from tests.support.commands import Command
from tests.support.samples.three_labels import BAYES_ACCURACY, LABELS, write_three_labels
from tests.support.small_run import SMALL_OPTIONS

ROWS = 1500

SHOPS = ("near", "far")

SMALL: dict[str, Any] = SMALL_OPTIONS | {
    "learning_rate": 0.1,
    "epochs": 4,
    "batch_size": 64,
    "test_fraction": 0.4,
}

TEXTS = ["the dull film", "the fair film", "the fine film"]


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory,
    prefect_server: str,  # noqa: ARG001 - the run reports there
) -> TrainedRun:
    folder = tmp_path_factory.mktemp("labels")
    file = write_three_labels(folder / "reviews.csv", ROWS)
    head, *rows = file.read_text().splitlines()
    shops = [f"{head},shop", *(f"{row},{SHOPS[n % 3 > 0]}" for n, row in enumerate(rows))]
    file.write_text("\n".join(shops) + "\n")
    return train(
        file,
        artifacts=folder / "artifacts",
        accelerator="cpu",
        labels=",".join(LABELS),
        slice_columns="shop",
        **SMALL,
    )


def test_each_shop_is_a_slice_in_manifest_report_and_terminal(
    trained: TrainedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = read_manifest(trained.folder)
    shops = {one.name: one for one in manifest.slices if one.by == "shop"}
    assert set(shops) == set(SHOPS)
    assert sum(one.reviews for one in shops.values()) == manifest.score.test_reviews
    right = sum(one.reviews * one.accuracy for one in shops.values())
    assert right == pytest.approx(manifest.score.accuracy * manifest.score.test_reviews)
    assert shops["near"].rest == shops["far"].accuracy
    kept = read_slices(trained.folder / "slices.parquet")
    correct = read_predictions(trained.folder / "predictions.parquet").correct
    for one in manifest.slices:
        assert correct[kept[one.by] == one.name].mean() == pytest.approx(one.accuracy)
    shown = Command(runs.app, artifacts_of(trained), capsys).says("show", trained.run_id)
    for text in (trained.report.read_text(), shown):
        assert "shop" in text
        assert "near" in text


def artifacts_of(run: TrainedRun) -> Path:
    return run.folder.parents[1]


def test_all_models_reach_the_accuracy_that_is_known_to_be_the_best(trained: TrainedRun) -> None:
    for name in ("metrics.json", "baseline_metrics.json", "bayes_baseline_metrics.json"):
        low, high = read_json(trained.folder, name)["accuracy_interval_95"]
        assert low <= BAYES_ACCURACY <= high


def test_the_scores_fit_the_predictions(trained: TrainedRun) -> None:
    metrics = trained.metrics
    made = read_predictions(trained.folder / "predictions.parquet")
    assert made.probability.shape == (len(made.label), 3)
    np.testing.assert_allclose(made.probability.sum(axis=1), 1, rtol=1e-5)
    said = made.probability.argmax(axis=1)
    counted = [[int(np.sum((made.label == t) & (said == j))) for j in range(3)] for t in range(3)]
    assert metrics["confusion"] == counted
    assert metrics["accuracy"] == pytest.approx(np.trace(counted) / len(said))
    assert [one["reviews"] for one in metrics["by_label"]] == np.bincount(made.label).tolist()
    assert read_json(trained.folder, "data_report.json")["label_names"] == list(LABELS)


def test_the_report_tells_of_all_labels(trained: TrainedRun) -> None:
    page = trained.report.read_text()
    for shown in ("Macro F1", "Judged mixed", "Each label against the rest", "3 probabilities"):
        assert shown in page
    card = (trained.folder / "model_card.md").read_text()
    assert 'the probability of each label, in this order: "bad", "mixed", "good"' in card
    assert "macro F1 | 0." in card
    assert read_manifest(trained.folder).label_names == LABELS
    assert "Macro F1 leads" not in page
    assert "Mean absolute error" not in page


def test_each_text_gets_its_label_and_all_probabilities_on_request(
    trained: TrainedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [label for label, _ in trained.predict(TEXTS)] == list(LABELS)
    file = tmp_path / "texts.csv"
    file.write_text("text\n" + "\n".join(TEXTS) + "\n")
    ask = Command(predict.app, artifacts_of(trained), capsys).says
    for name in ("out.parquet", "out.csv"):
        ask("--file", str(file), "--output", str(tmp_path / name), "--all-probabilities")
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    with (tmp_path / "out.csv").open() as written:
        assert list(csv.DictReader(written).__next__()) == list(rows[0])
    for row, label in zip(rows, LABELS, strict=True):
        each = [row[f"probability of {name}"] for name in LABELS]
        assert row["label"] == label
        assert row["probability"] == max(each) == row[f"probability of {label}"]
        assert sum(each) == pytest.approx(1, abs=1e-5)


def test_other_names_in_another_order_change_nothing_else(
    trained: TrainedRun, tmp_path: Path
) -> None:
    order = (2, 0, 1)
    names = tuple(f"{place}" for place in np.argsort(order))
    file = write_three_labels(tmp_path / "reviews.csv", ROWS, labels=names)
    other = train(file, artifacts=tmp_path / "artifacts", accelerator="cpu", **SMALL)
    assert load_run(other.run_id, tmp_path / "artifacts").metrics == other.metrics
    ours, theirs = trained.metrics, other.metrics
    assert "Mean absolute error" in other.report.read_text()
    said = theirs["confusion"]
    off = sum(count * abs(i - j) for i, row in enumerate(said) for j, count in enumerate(row))
    assert theirs["mean_absolute_error"] == pytest.approx(off / theirs["test_reviews"])
    for name in (
        "accuracy",
        "loss",
        "roc_auc",
        "brier",
        "macro_f1",
        "weighted_f1",
        "expected_calibration_error",
    ):
        assert theirs[name] == pytest.approx(ours[name], abs=1e-5)
    assert np.array(theirs["confusion"]).tolist() == (
        np.array(ours["confusion"])[np.ix_(order, order)].tolist()
    )
    first, second = (
        read_predictions(run.folder / "predictions.parquet") for run in (trained, other)
    )
    np.testing.assert_allclose(first.probability[:, order], second.probability, atol=1e-5)
