"""What these fail to find, an upgrade of Keras has moved: look at what resumes a training."""

import random
from pathlib import Path

import keras
import numpy as np

from tasks.config.training import FitConfig
from tasks.model.keras_contracts import (
    _CALLBACK_FIELDS,
    adam_moments,
    callback_states,
    names_from_one,
    restore_callbacks,
    seed_states,
    seeds_of_layers,
)
from tasks.training.callbacks import judging_callbacks


def made_network() -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.GaussianNoise(0.1),
            keras.layers.Dense(2),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", run_eagerly=True)
    return model


def fit(model: keras.Model, callbacks: list[keras.callbacks.Callback], epochs: int) -> None:
    inputs = np.random.default_rng(0).normal(size=(8, 3))
    labels = np.arange(8)[:, None] % 2
    judged = (inputs, 1 - labels)
    model.fit(inputs, labels, epochs=epochs, validation_data=judged, callbacks=callbacks, verbose=0)


def test_names_begin_anew_and_go_on_behind_the_block() -> None:
    names = []
    for _ in range(2):
        with names_from_one():
            names.append([keras.layers.Dense(1).name for _ in range(2)])
    assert names == [["dense", "dense_1"]] * 2
    first, second = (keras.layers.Dense(1).name for _ in range(2))
    assert first != second


def test_a_layer_draws_the_seed_of_a_new_process_whatever_others_draw() -> None:
    keras.utils.set_random_seed(3)
    expected = keras.initializers.GlorotUniform().seed
    with seeds_of_layers(3):
        random.random()
        assert keras.initializers.GlorotUniform().seed == expected
    assert keras.initializers.GlorotUniform().seed != expected


def test_every_random_layer_has_a_seed_that_changes_in_training() -> None:
    model = made_network()
    before = [state.numpy().tolist() for state in seed_states(model)]
    fit(model, [], epochs=1)
    after = [state.numpy().tolist() for state in seed_states(model)]
    assert len(before) == 2
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_the_moments_of_adam_are_those_of_the_variable() -> None:
    model = made_network()
    fit(model, [], epochs=1)
    for variable in model.trainable_variables:
        first, second = (moment.numpy() for moment in adam_moments(model.optimizer, variable))
        assert first.shape == second.shape == variable.shape
        assert first.any()
        assert (second >= 0).all()


def test_all_that_a_callback_counts_is_known(tmp_path: Path) -> None:
    """A field that changes in training and is not saved would make a resumed run another one."""
    rules = FitConfig(stop_patience=3, reduce_patience=1)
    callbacks = judging_callbacks(rules, tmp_path / "best.keras")
    fit(made_network(), callbacks, epochs=9)
    fresh = judging_callbacks(rules, tmp_path / "best.keras")
    fit(made_network(), fresh, epochs=0)
    assert {type(callback) for callback in callbacks} == set(_CALLBACK_FIELDS)
    for trained, new in zip(callbacks, fresh, strict=True):
        changed = {
            name
            for name, value in vars(trained).items()
            if isinstance(value, int | float | None) and value != vars(new).get(name)
        }
        assert changed - _NOT_COUNTED <= set(_CALLBACK_FIELDS[type(trained)])
        assert changed & set(_CALLBACK_FIELDS[type(trained)])


_NOT_COUNTED = {
    "min_delta",  # takes its sign when the first epoch ends
    # used only where ModelCheckpoint saves inside an epoch
    "_batches_seen_since_last_saving",
    "_current_epoch",
    "_last_batch_seen",
}


def test_a_fresh_callback_continues_where_another_stopped(tmp_path: Path) -> None:
    rules = FitConfig(stop_patience=3, reduce_patience=1)
    used = judging_callbacks(rules, tmp_path / "best.keras")
    fit(made_network(), used, epochs=2)
    fresh = judging_callbacks(rules, tmp_path / "best.keras")
    restore_callbacks(fresh, callback_states(used))
    assert callback_states(fresh) == callback_states(used)
