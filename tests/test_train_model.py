import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.errors import DivergedError
from tasks.evaluate_model import evaluate_model, score
from tasks.model_hash import model_hash
from tasks.review_arrays import read_arrays
from tasks.train_model import train_model
from tests.small_run import small_config


def fit_small(prepared: Path, folder: Path, **changes: float) -> dict[str, object]:
    folder.mkdir()
    fit = small_config(prepared).fit.model_copy(update=changes)
    return dict(
        train_model(
            prepared / "initial_model.keras",
            prepared / "train.parquet",
            prepared / "validation.parquet",
            fit,
            folder,
        )
    )


def test_equal_seeds_give_equal_weights_and_histories(prepared: Path, tmp_path: Path) -> None:
    first = fit_small(prepared, tmp_path / "a")
    assert fit_small(prepared, tmp_path / "b") == first
    assert (tmp_path / "a/history.json").read_bytes() == (tmp_path / "b/history.json").read_bytes()
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
    judged = read_arrays(prepared / "validation.parquet")
    probabilities = best.predict(judged.tokens, verbose=0)[:, 0]
    loss = score(probabilities, judged.labels[:, 0])["loss"]
    assert loss == pytest.approx(facts["best_val_loss"], abs=1e-5)


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
    from tasks import training_callbacks

    def lose(_self: Any, epoch: int, logs: dict[str, float]) -> None:
        if epoch == 1:
            logs["loss"] = float("nan")

    monkeypatch.setattr(training_callbacks.EpochSeeds, "on_epoch_end", lose)
    with pytest.raises(
        DivergedError, match=r"loss is nan in epoch 2; set a learning_rate below 0\.01"
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
    assert metrics["accuracy"] == facts["accuracy"] > 0.8
    assert metrics["protocol"] == "honest"
    assert sum(metrics["confusion"].values()) == metrics["test_reviews"] == 48


def test_predictions_can_be_scored_again_from_their_file(prepared: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    fit_small(prepared, tmp_path / "a")
    (tmp_path / "scores").mkdir()
    model, test = tmp_path / "a/best_model.keras", prepared / "test.parquet"
    facts = evaluate_model(model, test, 16, {}, tmp_path / "scores")
    table = pq.read_table(tmp_path / "scores/predictions.parquet")
    again = score(table["probability"].to_numpy(), table["label"].to_numpy())
    assert again["accuracy"] == facts["accuracy"]
    assert again["loss"] == pytest.approx(facts["loss"])
    assert table["review_id"].to_pylist() == read_arrays(test).review_ids.tolist()


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
