"""Korean reviews by words and by subwords, on the same test reviews, with the paired test."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.pipelines.api import TrainedRun, load_run, train
from tasks.evaluation.slices import read_predictions
from tasks.inference.open_model import open_predictor
from tasks.registry.rescore import read_test_again, rescored
from tasks.runs.compare import compare_runs
from tasks.runs.find import find_run
from tests.support.samples.korean_reviews import BAYES_ACCURACY, write_korean
from tests.support.small_run import SMALL_OPTIONS

SMALL: dict[str, Any] = SMALL_OPTIONS | {
    "num_words": 500,
    "ngram_words": 2,
    "ngram_buckets": 4096,
    "maxlen": 40,
    "learning_rate": 0.05,
    "epochs": 6,
    "test_fraction": 0.4,
}


@pytest.fixture(scope="module")
def artifacts(
    tmp_path_factory: pytest.TempPathFactory,
    prefect_server: str,  # noqa: ARG001 - the runs report there
) -> Path:
    folder = tmp_path_factory.mktemp("korean")
    file = write_korean(folder / "reviews.csv", 1500)
    for tokenizer in ("words", "subwords"):
        train(
            file,
            artifacts=folder / "artifacts",
            accelerator="cpu",
            tokenizer=tokenizer,
            name=tokenizer,
            **SMALL,
        )
    return folder / "artifacts"


def run_of(artifacts: Path, tokenizer: str) -> TrainedRun:
    return load_run(tokenizer, artifacts=artifacts)


def test_subwords_know_the_stem_whose_form_is_new_to_words(artifacts: Path) -> None:
    words, subwords = (find_run(artifacts, name) for name in ("words", "subwords"))
    metrics = run_of(artifacts, "subwords").metrics
    assert 0.85 < metrics["accuracy"] <= metrics["accuracy_interval_95"][1]
    assert metrics["accuracy_interval_95"][0] <= BAYES_ACCURACY
    assert words.manifest.fingerprints["test"] == subwords.manifest.fingerprints["test"]
    paired = compare_runs([words, subwords]).against_first[0].test
    assert paired is not None
    assert paired.difference > 0.1
    assert paired.p_value < 0.0001


def test_a_model_reads_the_test_reviews_of_a_run_by_its_own_tokenizer(artifacts: Path) -> None:
    words, subwords = (find_run(artifacts, name) for name in ("words", "subwords"))
    for model, judged in ((subwords, words), (words, subwords)):
        expected = read_predictions(model.folder / "predictions.parquet")
        np.testing.assert_array_equal(rescored(model, judged), expected.correct)
        padded, labels = read_test_again(judged, model)
        assert padded.shape == (len(labels), SMALL["maxlen"])
        assert (labels == expected.label).all()


def test_a_text_is_read_by_the_tokenizer_of_the_run(artifacts: Path) -> None:
    found = open_predictor(artifacts, "subwords").predict(["영화가 훌륭하더군요만", "조잡했었다는"])
    assert found["label"].to_pylist() == ["긍정", "부정"]
    assert found["tokens"].to_pylist()[0] > 2
    by_words = open_predictor(artifacts, "words").predict(["훌륭하더군요만"])
    assert by_words["warning"].to_pylist() == ["mostly unknown"]


def test_the_report_shows_subwords_as_text(artifacts: Path) -> None:
    run = run_of(artifacts, "subwords")
    page = run.report.read_text(encoding="utf-8")
    assert "subwords" in page
    assert "▁" not in page
    assert (run.folder / "vocabulary.json").read_text(encoding="utf-8").count("▁") > 10
