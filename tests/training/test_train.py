import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.common.errors import DivergedError
from tasks.config.training import FitConfig
from tasks.data.review_files import count_reviews, read_labels
from tasks.evaluation.evaluate import evaluate_model
from tasks.evaluation.scoring import score
from tasks.model.model_hash import model_hash
from tasks.training.train import class_weights
from tests.support.review_samples import padded_tokens
from tests.support.small_run import prepare, train_bag

RATES = {"epochs": 9, "learning_rate": 0.3, "stop_patience": 3, "reduce_patience": 2}


def train(prepared: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    fit = FitConfig(batch_size=16, **RATES).model_copy(update=changes)
    return train_bag(prepared, folder, fit)


@pytest.fixture(scope="module")
def noisy(small_reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared reviews of which few are good and a sixth of the bad has a wrong label."""
    swapped = {"pos": "neg", "neg": "pos"}
    head, *lines = small_reviews.read_text().splitlines()
    rows = [head]
    for row, line in enumerate(lines):
        text, _, label = line.rpartition(",")
        if label == "neg" or row % 8 == 1:
            rows.append(f"{text},{swapped[label] if row % 12 == 0 else label}")
    folder = tmp_path_factory.mktemp("noisy")
    file = folder / "reviews.csv"
    file.write_text("\n".join(rows) + "\n")
    return prepare(file, folder)


@pytest.fixture(scope="module")
def whole(noisy: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder and the facts of a training that learns too much, and so is stopped."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, train(noisy, folder)


Whole = tuple[Path, dict[str, Any]]


def test_equal_seeds_give_equal_trainings(noisy: Path, whole: Whole, tmp_path: Path) -> None:
    assert train(noisy, tmp_path / "b") == whole[1]
    assert train(noisy, tmp_path / "c", seed=1) != whole[1]


def test_the_kept_model_is_that_of_the_lowest_validation_loss(noisy: Path, whole: Whole) -> None:
    import keras

    folder, facts = whole
    losses = facts["history"]["val_loss"]
    assert losses[facts["best_epoch"] - 1] == min(losses) < losses[-1]
    best = keras.models.load_model(folder / "best_model.keras", compile=False)
    assert model_hash(best) == facts["best_model_hash"]
    judged = noisy / "validation.parquet"
    probabilities = best.predict(padded_tokens(judged), verbose=0)[:, 0]
    loss = score(probabilities, read_labels(judged))["loss"]
    calibration = json.loads((folder / "calibration.json").read_text())
    assert loss == pytest.approx(calibration["loss_after"], abs=1e-5)
    assert calibration["loss_before"] == pytest.approx(facts["best_val_loss"], abs=1e-5)


def test_a_buffer_smaller_than_the_set_gives_another_order_of_the_same_reviews(
    noisy: Path, whole: Whole, tmp_path: Path
) -> None:
    rows = count_reviews(noisy / "train.parquet")
    assert train(noisy, tmp_path / "just", shuffle_buffer=rows) == whole[1]
    parts = train(noisy, tmp_path / "parts", shuffle_buffer=rows - 1)
    assert parts["last_weights_hash"] != whole[1]["last_weights_hash"]


def test_training_stops_and_lowers_its_rate_without_progress(whole: Whole) -> None:
    _, facts = whole
    assert facts["epochs_run"] == facts["best_epoch"] + 3 < RATES["epochs"]
    rates = facts["history"]["learning_rate"]
    assert rates[0] == pytest.approx(0.3)
    factors = [later / earlier for earlier, later in pairwise(rates) if later != earlier]
    assert factors == [pytest.approx(0.2)] * len(factors) != []


def test_a_loss_that_is_no_number_ends_the_training_with_what_to_do(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.training.callbacks import TrainingFollower

    original = TrainingFollower.on_epoch_end

    def lose(self: TrainingFollower, epoch: int, logs: dict[str, float]) -> None:
        original(self, epoch, logs | {"loss": float("nan")} if epoch == 1 else logs)

    monkeypatch.setattr(TrainingFollower, "on_epoch_end", lose)
    with pytest.raises(
        DivergedError,
        match=r"loss is nan in epoch 2, at a learning rate of 0\.3; set a smaller learning_rate",
    ):
        train(prepared, tmp_path / "a")


def test_predictions_are_scored_from_their_file(noisy: Path, whole: Whole, tmp_path: Path) -> None:
    model, test = whole[0] / "best_model.keras", noisy / "test.parquet"
    facts = evaluate_model(model, test, 16, {"protocol": "honest"}, tmp_path)
    table = pq.read_table(tmp_path / "predictions.parquet")
    again = score(table["probability"].to_numpy(), table["label"].to_numpy())
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert facts["accuracy"] == metrics["accuracy"] == again["accuracy"]
    assert metrics["loss"] == pytest.approx(again["loss"])
    assert table["review_id"].to_pylist() == pq.read_table(test)["review_id"].to_pylist()
    assert metrics["protocol"] == "honest"
    assert sum(metrics["confusion"].values()) == metrics["test_reviews"] == count_reviews(test)


def test_balanced_weights_give_both_labels_the_same_sum() -> None:
    labels = np.array([0, 0, 0, 1], np.int8)
    fit = FitConfig(class_weights="balanced")
    weights = class_weights(labels, fit)
    assert weights == {0: pytest.approx(2 / 3), 1: 2}
    assert class_weights(labels, FitConfig()) is None


def test_balanced_weights_change_the_training_where_a_label_is_rare(
    noisy: Path, whole: Whole, tmp_path: Path
) -> None:
    labels = read_labels(noisy / "train.parquet")
    assert labels.mean() < 0.4
    balanced = train(noisy, tmp_path / "balanced", class_weights="balanced")
    assert balanced["last_weights_hash"] != whole[1]["last_weights_hash"]


def test_figures_beyond_accuracy_are_those_of_their_definitions() -> None:
    says, truth = np.array([0.9, 0.8, 0.2, 0.7, 0.1]), np.array([1, 0, 0, 1, 1])
    found = score(says, truth)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["f1"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert found["matthews"] == pytest.approx((2 * 1 - 1 * 1) / (3 * 2 * 3 * 2) ** 0.5)
    assert found["majority_share"] == pytest.approx(3 / 5)


def test_scores_are_those_of_keras() -> None:
    import keras

    chance = np.random.default_rng(0)
    probabilities, labels = chance.random(200, np.float32), chance.integers(0, 2, 200)
    ours = score(probabilities, labels)
    accuracy = keras.metrics.BinaryAccuracy()(labels[:, None], probabilities[:, None])
    loss = keras.losses.BinaryCrossentropy()(labels[:, None].astype("f4"), probabilities[:, None])
    assert ours["accuracy"] == pytest.approx(float(accuracy))
    assert ours["loss"] == pytest.approx(float(loss), rel=1e-5)


def test_a_certain_wrong_answer_costs_much_but_not_infinitely() -> None:
    result = score(np.array([0.0, 1.0]), np.array([1, 0]))
    assert result["accuracy"] == 0
    assert 10 < result["loss"] < 20
