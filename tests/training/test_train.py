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
from tasks.evaluation.evaluate import evaluate_model, score
from tasks.model.model_hash import model_hash
from tasks.model.network import keras_network
from tasks.training.train import class_weights
from tests.support.review_samples import padded_tokens
from tests.support.small_run import prepare, small_config, train_small


def fit_small(prepared: Path, folder: Path, **changes: Any) -> dict[str, object]:
    return train_small(prepared, folder, small_config(prepared).fit.model_copy(update=changes))


def test_equal_seeds_give_equal_weights_and_histories(prepared: Path, tmp_path: Path) -> None:
    first = fit_small(prepared, tmp_path / "a")
    assert fit_small(prepared, tmp_path / "b") == first
    assert fit_small(prepared, tmp_path / "c", seed=1) != first


def test_the_kept_model_is_that_of_the_lowest_validation_loss(
    prepared: Path, tmp_path: Path
) -> None:
    import keras

    facts = fit_small(prepared, tmp_path / "a", epochs=6, learning_rate=0.1, stop_patience=9)
    history = json.loads((tmp_path / "a/history.json").read_text())
    assert history["val_loss"][int(str(facts["best_epoch"])) - 1] == min(history["val_loss"])
    best = keras.models.load_model(tmp_path / "a/best_model.keras", compile=False)
    assert model_hash(best) == facts["best_model_hash"]
    judged = prepared / "validation.parquet"
    probabilities = best.predict(padded_tokens(judged), verbose=0)[:, 0]
    loss = score(probabilities, read_labels(judged))["loss"]
    assert loss == pytest.approx(facts["best_val_loss"], abs=1e-5)


def test_a_buffer_smaller_than_the_set_gives_another_order_of_the_same_reviews(
    prepared: Path, tmp_path: Path
) -> None:
    whole = fit_small(prepared, tmp_path / "whole")
    rows = count_reviews(prepared / "train.parquet")
    assert fit_small(prepared, tmp_path / "just", shuffle_buffer=rows) == whole
    parts = fit_small(prepared, tmp_path / "parts", shuffle_buffer=rows - 1)
    assert parts["last_weights_hash"] != whole["last_weights_hash"]
    assert fit_small(prepared, tmp_path / "again", shuffle_buffer=rows - 1) == parts


def test_training_stops_and_lowers_its_rate_without_progress(
    prepared: Path, tmp_path: Path
) -> None:
    # A rate this high makes no progress after the first epochs.
    facts = fit_small(
        prepared, tmp_path / "a", epochs=30, learning_rate=9.0, stop_patience=4, reduce_patience=2
    )
    rates = json.loads((tmp_path / "a/history.json").read_text())["learning_rate"]
    epochs, best = int(str(facts["epochs_run"])), int(str(facts["best_epoch"]))
    assert epochs == best + 4 < 30
    assert rates[0] == 9.0
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
        match=r"loss is nan in epoch 2, at a learning rate of 0\.01; set a smaller learning_rate",
    ):
        fit_small(prepared, tmp_path / "a")


def test_the_small_network_learns_the_small_reviews(prepared: Path, tmp_path: Path) -> None:
    fit_small(prepared, tmp_path / "a", epochs=12)
    (tmp_path / "scores").mkdir()
    described = {"protocol": "honest", "source": "files", "form": "files"}
    facts = evaluate_model(
        tmp_path / "a/best_model.keras",
        prepared / "test.parquet",
        16,
        described,
        tmp_path / "scores",
    )
    metrics = json.loads((tmp_path / "scores/metrics.json").read_text())
    assert facts["accuracy"] == metrics["accuracy"] > 0.8
    assert metrics["protocol"] == "honest"
    assert sum(metrics["confusion"].values()) == metrics["test_reviews"] == 48


def test_predictions_can_be_scored_again_from_their_file(prepared: Path, tmp_path: Path) -> None:
    fit_small(prepared, tmp_path / "a")
    (tmp_path / "scores").mkdir()
    model, test = tmp_path / "a/best_model.keras", prepared / "test.parquet"
    facts = evaluate_model(model, test, 16, {}, tmp_path / "scores")
    table = pq.read_table(tmp_path / "scores/predictions.parquet")
    again = score(table["probability"].to_numpy(), table["label"].to_numpy())
    assert again["accuracy"] == facts["accuracy"]
    assert again["loss"] == pytest.approx(facts["loss"])
    assert table["review_id"].to_pylist() == pq.read_table(test)["review_id"].to_pylist()


def test_balanced_weights_give_both_labels_the_same_sum() -> None:
    labels = np.array([0, 0, 0, 1], np.int8)
    fit = FitConfig(class_weights="balanced")
    weights = class_weights(labels, fit)
    assert weights == {0: pytest.approx(2 / 3), 1: 2}
    assert class_weights(labels, FitConfig()) is None


def test_balanced_weights_change_the_training_where_a_label_is_rare(
    small_reviews: Path, tmp_path: Path
) -> None:
    lines = small_reviews.read_text().splitlines()
    rare = [
        line for row, line in enumerate(lines) if line.endswith(("label", "neg")) or row % 8 == 0
    ]
    file = tmp_path / "rare.csv"
    file.write_text("\n".join(rare) + "\n")
    prepare(file, tmp_path)
    equal = fit_small(tmp_path, tmp_path / "equal")
    assert fit_small(tmp_path, tmp_path / "again", class_weights="equal") == equal
    balanced = fit_small(tmp_path, tmp_path / "balanced", class_weights="balanced")
    assert balanced["last_weights_hash"] != equal["last_weights_hash"]
    network = keras_network(tmp_path / "balanced/best_model.keras")
    test = tmp_path / "test.parquet"
    found = score(network(padded_tokens(test)), read_labels(test))
    assert found["majority_share"] > 0.7


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
