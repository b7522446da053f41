"""Optimizers, schedules of the rate, and losses: what they do, and that each resumes."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config.training import FitConfig
from tasks.data.review_files import count_reviews
from tasks.model.model_hash import weights_hash
from tasks.training.datasets import ordered_dataset, shuffled_dataset
from tasks.training.optimizer import loss_of, optimizer_of, rate_at
from tasks.training.progress import watch_training
from tests.support.power_cut import PowerCut, cut_at
from tests.support.samples.three_labels import write_three_labels
from tests.support.small_run import prepare, small_config, train_bag, train_small

STEPS = 10


def rates(**options: Any) -> list[float | None]:
    fit = FitConfig(learning_rate=0.1, epochs=4, **options)
    return [rate_at(fit, step, STEPS) for step in range(4 * STEPS)]


def test_a_cosine_with_a_warm_up_is_that_of_keras() -> None:
    theirs = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=3 * STEPS, warmup_target=0.1, warmup_steps=STEPS
    )
    found = rates(schedule="cosine", warmup_epochs=1)
    # Keras's warm-up begins with a rate of 0, which would waste the first step.
    assert found[: STEPS - 1] == pytest.approx([float(theirs(n)) for n in range(1, STEPS)])
    assert found[STEPS:] == pytest.approx(
        [float(theirs(n)) for n in range(STEPS, 4 * STEPS)], abs=1e-7
    )


def test_without_a_cosine_the_rate_is_set_in_the_warm_up_alone() -> None:
    for schedule in ("plateau", "constant"):
        assert rates(schedule=schedule) == [None] * 40
        warm = rates(schedule=schedule, warmup_epochs=2)
        assert warm[:21] == pytest.approx([*np.linspace(0.005, 0.1, 20), 0.1])
        assert warm[21:] == [None] * 19


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop", "lion"])
def test_an_optimizer_is_keras_own_with_its_options(optimizer: str) -> None:
    fit = FitConfig.model_validate({"optimizer": optimizer, "clip_norm": 1.5, "weight_decay": 0.1})
    for fused in (False, True):
        found = optimizer_of(fit, fused=fused).get_config()
        assert found["global_clipnorm"] == 1.5
        assert found["weight_decay"] == 0.1
    assert type(optimizer_of(fit, fused=False)).__name__.lower() == optimizer


def test_adamw_decays_by_what_keras_has_it_decay_by() -> None:
    found = optimizer_of(FitConfig(optimizer="adamw"), fused=False).get_config()
    assert found["weight_decay"] == 0.004
    assert optimizer_of(FitConfig(), fused=True).get_config()["weight_decay"] is None


def test_the_fast_adam_decays_and_clips_as_that_of_keras() -> None:
    fit = FitConfig(weight_decay=0.3, clip_norm=0.01, learning_rate=0.1)
    weights = []
    for fused in (False, True):
        variable = keras.Variable(np.linspace(-1, 1, 6, dtype=np.float32))
        optimizer = optimizer_of(fit, fused=fused)
        optimizer.build([variable])
        for _ in range(3):
            optimizer.apply([keras.ops.convert_to_tensor(variable) * 2], [variable])
        weights.append(variable.numpy())
    assert weights[0] == pytest.approx(weights[1], abs=1e-5)
    assert np.abs(weights[0]).max() < 0.9


def test_the_keras_step_of_two_labels_is_a_plain_fit_with_binary_cross_entropy(
    prepared: Path, tmp_path: Path
) -> None:
    config = small_config(prepared)
    # Each epoch of the pipeline draws its own masks of dropout, which a plain fit does not.
    tokens = keras.Input((config.text.maxlen,), dtype="int32")
    vectors = keras.layers.Embedding(config.text.num_words, 4)(tokens)
    mean = keras.layers.GlobalAveragePooling1D()(vectors)
    initial = tmp_path / "initial_model.keras"
    keras.Model(tokens, keras.layers.Dense(1, activation="sigmoid")(mean)).save(initial)
    fit = FitConfig(batch_size=16, learning_rate=0.01, epochs=2, training_step="keras")
    facts = train_small(prepared, tmp_path / "run", fit, initial_model=initial, network=None)
    plain = keras.models.load_model(initial, compile=False)
    assert plain.output_shape == (None, 1)
    plain.compile(
        keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(), metrics=["accuracy"]
    )
    batches = -(-count_reviews(prepared / "train.parquet") // 16)
    ours = plain.fit(
        shuffled_dataset(prepared / "train.parquet", fit, 0, 0),
        epochs=2,
        steps_per_epoch=batches,
        validation_data=ordered_dataset(prepared / "validation.parquet", 4096),
        shuffle=False,
        verbose=0,
    )
    assert facts["last_weights_hash"] == weights_hash(plain)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert facts["history"][name] == ours.history[name]


def test_smoothed_labels_cost_what_the_formula_says() -> None:
    fit = FitConfig(label_smoothing=0.2)
    labels = np.array([[0.0], [1.0]], np.float32)
    two = np.array([[0.3], [0.9]], np.float32)
    expected = -np.mean(
        [0.9 * np.log(0.7) + 0.1 * np.log(0.3), 0.9 * np.log(0.9) + 0.1 * np.log(0.1)]
    )
    assert float(loss_of(fit, 1)(labels, two)) == pytest.approx(expected, rel=1e-5)
    four = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.7, 0.1, 0.1]], np.float32)
    each = [-0.8 * np.log(row[n]) - 0.05 * np.log(row).sum() for n, row in enumerate(four)]
    assert float(loss_of(fit, 4)(labels, four)) == pytest.approx(np.mean(each), rel=1e-5)
    plain = [-np.log(row[n]) for n, row in enumerate(four)]
    assert float(loss_of(FitConfig(), 4)(labels, four)) == pytest.approx(np.mean(plain), rel=1e-5)


def resumed_alike(prepared: Path, folder: Path, fit: FitConfig, *, bag: bool = True) -> bool:
    """Tell whether a training that is cut in its second epoch ends as one that is not."""
    train = train_bag if bag else train_small
    whole = train(prepared, folder / "whole", fit)
    assert whole["history"]["loss"][-1] < whole["history"]["loss"][0]
    options: dict[str, Any] = {"state": folder / "state", "save_every_steps": 2}
    with watch_training(cut_at((1, 5))), pytest.raises(PowerCut):
        train(prepared, folder / "cut", fit, **options)
    return bool(train(prepared, folder / "resumed", fit, **options) == whole)


CHOICES: list[dict[str, Any]] = [
    {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.5, "schedule": "cosine"},
    {"optimizer": "adamw", "weight_decay": 0.01, "warmup_epochs": 1, "clip_norm": 0.5},
]

MORE: list[dict[str, Any]] = [
    {"label_smoothing": 0.1, "warmup_epochs": 2, "class_weights": "balanced"},
    {"optimizer": "rmsprop", "momentum": 0.5, "schedule": "constant"},
    {"optimizer": "lion", "schedule": "cosine", "warmup_epochs": 2},
]


@pytest.mark.parametrize(
    "options",
    [*CHOICES, *(pytest.param(one, marks=pytest.mark.slow) for one in MORE)],
    ids=lambda one: one.get("optimizer", "adam"),
)
def test_each_optimizer_resumes_bit_for_bit(
    prepared: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    fit = FitConfig.model_validate({"epochs": 3, "batch_size": 16, **options})
    assert resumed_alike(prepared, tmp_path, fit)


def test_so_does_a_training_of_three_labels(tmp_path: Path) -> None:
    prepared = prepare(write_three_labels(tmp_path / "reviews.csv", 90), tmp_path / "sets")
    fit = FitConfig(
        epochs=3, batch_size=8, learning_rate=0.05,
        label_smoothing=0.1, warmup_epochs=2, class_weights="balanced",
    )  # fmt: skip
    assert resumed_alike(prepared, tmp_path, fit)


# tests/training/test_resume.py resumes the fast step of another such choice after a kill.
@pytest.mark.slow
def test_so_does_the_fast_step(prepared: Path, tmp_path: Path) -> None:
    fit = FitConfig(
        optimizer="adamw", schedule="cosine", warmup_epochs=1, epochs=3, batch_size=16,
        clip_norm=1.0, label_smoothing=0.1, learning_rate=0.05, training_step="fast",
    )  # fmt: skip
    assert resumed_alike(prepared, tmp_path, fit, bag=False)


@pytest.mark.slow
@settings(max_examples=40)
@given(data=st.data())
def test_any_choice_of_them_resumes(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    draw = data.draw
    optimizer = draw(st.sampled_from(["adam", "adamw", "sgd", "rmsprop", "lion"]))
    has_momentum = optimizer in ("sgd", "rmsprop")
    fit = FitConfig.model_validate(
        {
            "optimizer": optimizer,
            "momentum": draw(st.sampled_from([0.0, 0.9])) if has_momentum else 0.0,
            "learning_rate": 0.3 if optimizer == "sgd" else 0.003,
            "schedule": draw(st.sampled_from(["plateau", "cosine", "constant"])),
            "warmup_epochs": draw(st.integers(0, 2)),
            "weight_decay": draw(st.sampled_from([None, 0.01])),
            "clip_norm": draw(st.sampled_from([None, 0.1, 10.0])),
            "label_smoothing": draw(st.sampled_from([0.0, 0.1])),
            "epochs": 3,
            "batch_size": draw(st.sampled_from([16, 24])),
        }
    )
    assert resumed_alike(prepared, tmp_path_factory.mktemp("any"), fit)
