"""One number, fitted on the validation reviews, makes the probabilities of a network come true."""

import json
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tasks.config.training import FitConfig
from tasks.data.review_files import read_labels
from tasks.evaluation.calibration import tempered
from tasks.model.answers import answers, probabilities_of
from tasks.model.keras_contracts import names_from_one
from tasks.training.calibration import (
    _with_logits,
    fitted_temperature,
    log_loss,
    probabilities,
)
from tests.support.review_samples import padded_tokens
from tests.support.samples.three_labels import write_three_labels
from tests.support.small_run import prepare, train_bag, train_small

FIT = FitConfig(batch_size=16, epochs=6, learning_rate=0.3)
UNCALIBRATED = FIT.model_copy(update={"calibration": "none"})


def drawn(count: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return logits that come true, and the labels that are drawn by them."""
    chance = np.random.default_rng(3)
    logits = chance.normal(0, 2, count if classes == 2 else (count, classes))
    given = probabilities(logits)
    if classes == 2:
        return logits, (chance.random(count) < given).astype(np.int8)
    return logits, (chance.random((count, 1)) > given.cumsum(axis=1)).sum(axis=1)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.5])
def test_the_temperature_of_many_reviews_is_the_true_one(classes: int, temperature: float) -> None:
    logits, labels = drawn(20_000, classes)
    assert fitted_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.04)


def test_few_reviews_that_are_all_judged_right_do_not_make_a_network_certain() -> None:
    labels = np.arange(12) % 2
    found = fitted_temperature(np.where(labels, 2.0, -2.0), labels)
    assert 0.3 < found < 0.8


def test_log_loss_has_no_bound_for_a_certain_wrong_answer() -> None:
    assert log_loss(np.array([-1e6]), np.array([1])) == 1e6
    assert log_loss(np.array([[0.0, 1e6]]), np.array([0])) == 1e6


def told(prepared: Path, folder: Path) -> np.ndarray:
    model = keras.models.load_model(folder / "best_model.keras", compile=False)
    tokens = padded_tokens(prepared / "validation.parquet")
    return probabilities_of(model.predict(tokens, verbose=0))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("three")
    return prepare(write_three_labels(folder / "reviews.csv", 240), folder)


@pytest.mark.parametrize(
    ("train", "reviews"),
    [
        (train_bag, "prepared"),
        (train_bag, "three"),
        # Each training of tests/training/test_resume.py calibrates this network too.
        pytest.param(train_small, "prepared", marks=pytest.mark.slow),
        pytest.param(train_small, "three", marks=pytest.mark.slow),
    ],
)
def test_a_network_is_another_one_by_its_temperature_alone(
    train: Any, reviews: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    prepared: Path = request.getfixturevalue(reviews)
    fit = FIT if train is train_bag else FIT.model_copy(update={"learning_rate": 0.01})
    facts = train(prepared, tmp_path / "calibrated", fit)
    plain = train(prepared, tmp_path / "plain", fit.model_copy(update={"calibration": "none"}))
    assert plain["temperature"] == 1 != facts["temperature"]
    assert facts["last_weights_hash"] == plain["last_weights_hash"]
    assert facts["history"] == plain["history"]
    before, after = (told(prepared, tmp_path / name) for name in ("plain", "calibrated"))
    assert after == pytest.approx(tempered(before, facts["temperature"]), abs=1e-5)
    assert (answers(after) == answers(before)).all()
    record = json.loads((tmp_path / "calibrated/calibration.json").read_text())
    assert record["fitted_on"] == len(read_labels(prepared / "validation.parquet"))
    assert record["loss_after"] < record["loss_before"]


def test_test_reviews_that_validate_calibrate_nothing(prepared: Path, tmp_path: Path) -> None:
    found = train_bag(prepared, tmp_path / "tutorial", FIT, validates_apart=False)
    assert found == train_bag(prepared, tmp_path / "plain", UNCALIBRATED)
    record = json.loads((tmp_path / "tutorial/calibration.json").read_text())
    assert "no validation reviews but the test reviews" in record["why_not"]


def test_a_network_whose_layers_have_the_names_of_a_new_process_has_logits() -> None:
    with names_from_one():
        hidden, last = keras.layers.Dense(2), keras.layers.Dense(1, activation="sigmoid")
        taken = keras.Input((3,))
        network = keras.Model([taken], [last(hidden(taken))])
    with names_from_one(), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # as of a list of one input
        logits, given = map(np.asarray, _with_logits(network, last)(np.ones((1, 3))))
    assert probabilities(probabilities_of(logits)) == pytest.approx(given[:, 0], abs=1e-6)
    np.testing.assert_allclose(given, network.predict(np.ones((1, 3)), verbose=0), atol=1e-6)


def with_activation_apart(hidden: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.Activation("sigmoid")(keras.layers.Dense(1)(hidden))


def with_a_layer_used_twice(hidden: keras.KerasTensor) -> keras.KerasTensor:
    twice = keras.layers.Dense(1, activation="sigmoid")
    return twice(twice(keras.layers.Dense(1)(hidden)))


def with_half_the_digits(hidden: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.Dense(1, activation="sigmoid", dtype="mixed_bfloat16")(hidden)


@pytest.mark.parametrize(
    ("ending", "why"),
    [
        (with_activation_apart, "the last layer is no Dense layer with sigmoid or softmax"),
        (with_a_layer_used_twice, "the last layer is no Dense layer with sigmoid or softmax"),
        (with_half_the_digits, "dividing the last layer does not divide its logits"),
    ],
)
def test_a_network_that_ends_otherwise_is_left_as_it_is(
    ending: Any, why: str, prepared: Path, tmp_path: Path
) -> None:
    tokens = keras.Input((12,), dtype="int32")
    hidden = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(40, 4)(tokens))
    initial = tmp_path / "initial.keras"
    keras.Model(tokens, ending(hidden)).save(initial)
    options = {"initial_model": initial, "network": None}
    # So slow that no probability is near 0 or 1, where each temperature gives the same one.
    slow = FIT.model_copy(update={"learning_rate": 0.01, "epochs": 1})
    uncalibrated = slow.model_copy(update={"calibration": "none"})
    found = train_small(prepared, tmp_path / "asked", slow, **options)
    plain = train_small(prepared, tmp_path / "plain", uncalibrated, **options)
    assert found["best_model_hash"] == plain["best_model_hash"]
    assert why in json.loads((tmp_path / "asked/calibration.json").read_text())["why_not"]
