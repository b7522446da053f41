"""The fast training step does what Keras's layers do."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.build_model import build_network, with_own_seeds
from tasks.byte_dropout import byte_dropout
from tasks.fast_network import FastNetwork
from tasks.fused_adam import FusedAdam
from tasks.lstm_scan import gates_last, lstm_scan
from tasks.model_hash import model_hash, weights_hash
from tasks.train_model import train_model
from tasks.training_config import Batches, FitConfig, NetworkConfig, StepCode

NETWORK = NetworkConfig(
    embedding_dim=6,
    dropout=0,
    filters=5,
    kernel_size=3,
    pool_size=2,
    lstm_units=4,
    last_lstm_units=3,
)


@settings(max_examples=10)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    backwards=st.booleans(),
    sequences=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_the_scan_and_its_gradients_are_those_of_keras_lstm(
    shape: tuple[int, int, int, int], backwards: bool, sequences: bool, seed: int
) -> None:
    time, batch, units, features = shape
    chance = np.random.default_rng(seed)
    layer = keras.layers.LSTM(units, return_sequences=sequences, go_backwards=backwards)
    layer.build((batch, time, features))
    layer.set_weights([chance.normal(size=weight.shape) for weight in layer.weights])
    inputs = tf.constant(chance.normal(size=(time, batch, features)), tf.float32)
    weights = [weight.value for weight in layer.trainable_weights]

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        expected = layer(tf.transpose(inputs, [1, 0, 2]))
        if sequences:
            expected = tf.transpose(expected, [1, 0, 2])
            expected = tf.reverse(expected, [0]) if backwards else expected
        score = tf.reduce_sum(expected**2)
    expected_gradients = tape.gradient(score, [inputs, *weights])

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        kernel, recurrent, bias = (gates_last(tf.convert_to_tensor(weight)) for weight in weights)
        found = lstm_scan(
            inputs @ kernel + bias, recurrent, backwards=backwards, sequences=sequences
        )
        score = tf.reduce_sum(found**2)
    gradients = tape.gradient(score, [inputs, *weights])

    np.testing.assert_allclose(found, expected, atol=1e-5)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-3, atol=1e-4)


def losses_of(model: keras.Model) -> list[float]:
    """Return the losses of twelve training steps, the weights of which the model keeps."""
    chance = np.random.default_rng(0)
    tokens = chance.integers(0, 30, (12, 8, 14)).astype("int32")
    labels = chance.integers(0, 2, (12, 8, 1)).astype("float32")
    model.compile(optimizer=keras.optimizers.SGD(1.0, momentum=0.9), loss="binary_crossentropy")
    return [float(model.train_on_batch(*batch)) for batch in zip(tokens, labels, strict=True)]


@pytest.mark.parametrize(("convolution", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.01)])
def test_without_dropout_a_training_is_that_of_keras_but_for_rounding(
    convolution: str, tolerance: float
) -> None:
    plain = with_own_seeds(build_network(30, 14, NETWORK), 0)
    network = with_own_seeds(build_network(30, 14, NETWORK), 0)
    np.testing.assert_allclose(
        losses_of(FastNetwork(network, convolution)), losses_of(plain), rtol=tolerance
    )
    for weight, expected in zip(network.weights, plain.weights, strict=True):
        np.testing.assert_allclose(weight, expected, atol=10 * tolerance)


def test_fused_adam_moves_as_kerass_adam_does_by_whole_gradients() -> None:
    moved = []
    for optimizer in (FusedAdam(0.01), keras.optimizers.Adam(0.01)):
        chance = np.random.default_rng(0)
        table = keras.Variable(chance.normal(size=(9, 4)), dtype="float32")
        optimizer.build([table])
        for rate in (0.01, 0.01, 0.002):
            optimizer.learning_rate = rate
            rows = tf.constant(chance.normal(size=(3, 4)), tf.float32)
            gradient = tf.IndexedSlices(rows, tf.constant([1, 7, 1]), tf.constant([9, 4]))
            whole = tf.convert_to_tensor(gradient)
            optimizer.apply([gradient if isinstance(optimizer, FusedAdam) else whole])
        moved.append(np.asarray(table))
    np.testing.assert_allclose(*moved, rtol=1e-5)


@settings(max_examples=20)
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 30), st.integers(1, 40)),
    rate=st.floats(0, 0.999),
    seed=st.integers(0, 2**31 - 2),
)
def test_dropout_keeps_values_scaled_or_sets_them_to_zero(
    shape: tuple[int, int, int], rate: float, seed: int
) -> None:
    values = tf.ones(shape)
    found = np.unique(byte_dropout(values, rate, tf.constant([seed, 1])))
    kept = max(1, round(256 * (1 - rate))) / 256
    assert set(found) <= {np.float32(0), np.float32(1 / kept)}


def test_dropout_hits_its_share_another_one_with_each_seed() -> None:
    values = tf.ones((64, 50, 50))
    masks = [byte_dropout(values, 0.5, tf.constant([seed, 0])) for seed in (1, 1, 2)]
    assert np.mean(masks[0]) == pytest.approx(1, abs=0.01)
    assert np.array_equal(masks[0], masks[1])
    assert np.mean(np.asarray(masks[0]) == np.asarray(masks[2])) == pytest.approx(0.5, abs=0.01)


def test_padding_that_a_whole_batch_has_is_left_out_of_a_step_by_whole_windows() -> None:
    network = with_own_seeds(build_network(30, 14, NETWORK), 0)
    model = FastNetwork(network, "float32", leave_padding_out=True)
    whole = FastNetwork(network, "float32")
    tokens = np.random.default_rng(0).integers(1, 30, (4, 14)).astype("int32")
    # The pooling's windows are two tokens wide, and the network needs four.
    for padding, cut in ((0, 0), (1, 0), (5, 4), (14, 0)):
        tokens[:, :padding] = 0
        expected = whole(tokens[:, cut:], training=True)
        np.testing.assert_allclose(model(tokens, training=True), expected, rtol=1e-6)
    tokens[0, -1] = 7
    np.testing.assert_allclose(
        model(tokens, training=True), whole(tokens[:, 10:], training=True), rtol=1e-6
    )
    np.testing.assert_array_equal(model(tokens, training=False), network(tokens, training=False))


def train(
    prepared: Path,
    folder: Path,
    code: StepCode,
    state: Path | None = None,
    batches: Batches = "shuffled",
) -> object:
    folder.mkdir()
    fit = FitConfig(
        epochs=2, batch_size=16, learning_rate=0.01, training_step=code, batches=batches
    )
    sets = prepared / "train.parquet", prepared / "validation.parquet"
    facts = train_model(prepared / "initial_model.keras", *sets, fit, folder, state)
    return facts, json.loads((folder / "history.json").read_text())


@pytest.mark.parametrize(
    ("code", "batches"),
    [("fast", "shuffled"), ("fast", "by_length"), ("fast_bfloat16", "shuffled")],
)
def test_a_fast_training_repeats_goes_on_exactly_and_leaves_a_plain_model(
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: StepCode,
    batches: Batches,
) -> None:
    from tasks import training_callbacks

    whole = train(prepared, tmp_path / "whole", code, batches=batches)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training_callbacks.TellProgress, "on_epoch_end", cut)
        with pytest.raises(KeyboardInterrupt):
            train(prepared, tmp_path / "cut", code, tmp_path / "state", batches)
    assert train(prepared, tmp_path / "resumed", code, tmp_path / "state", batches) == whole

    model = keras.models.load_model(tmp_path / "whole/best_model.keras", compile=False)
    initial = keras.models.load_model(prepared / "initial_model.keras", compile=False)
    assert model.get_config() == initial.get_config()
    assert weights_hash(model) != weights_hash(initial)
    assert model_hash(model)
