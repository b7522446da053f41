"""The fast training step does what Keras's layers do."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tasks.config.training import ConvBilstmConfig, FitConfig
from tasks.model.build import build_network, with_own_seeds
from tasks.model.kernels.adam import fused_adam
from tasks.model.kernels.fast_network import fast_network
from tasks.model.model_hash import model_hash, weights_hash
from tests.support.small_run import train_small

NETWORK = ConvBilstmConfig(
    embedding_dim=6,
    dropout=0,
    filters=5,
    kernel_size=3,
    pool_size=2,
    lstm_units=4,
    last_lstm_units=3,
)


def losses_of(model: keras.Model) -> list[float]:
    """Return the losses of twelve training steps, the weights of which the model keeps."""
    chance = np.random.default_rng(0)
    tokens = chance.integers(0, 30, (12, 8, 14)).astype("int32")
    labels = chance.integers(0, 2, (12, 8, 1)).astype("float32")
    model.compile(optimizer=keras.optimizers.SGD(1.0, momentum=0.9), loss="binary_crossentropy")
    return [float(model.train_on_batch(*batch)) for batch in zip(tokens, labels, strict=True)]


@pytest.mark.parametrize(
    ("kernel_size", "pool_size", "batch_size"),
    [(3, 2, 8), (5, 4, 8), (1, 3, 8), (6, 5, 8), (3, 2, 11)],  # the last one fills its batches
)
def test_without_dropout_a_training_is_that_of_keras_but_for_rounding(
    kernel_size: int, pool_size: int, batch_size: int
) -> None:
    sizes = NETWORK.model_copy(update={"kernel_size": kernel_size, "pool_size": pool_size})
    plain, network = (with_own_seeds(build_network(30, 14, sizes), 0) for _ in range(2))
    model = fast_network(network, batch_size)
    np.testing.assert_allclose(losses_of(model), losses_of(plain), rtol=1e-5)
    for weight, expected in zip(network.weights, plain.weights, strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-5)
    with pytest.raises(tf.errors.InvalidArgumentError):
        model(np.ones((batch_size + 1, 14), "int32"), training=True)


def test_fused_adam_moves_as_kerass_adam_does_by_whole_gradients() -> None:
    moved = []
    for fused in (True, False):
        optimizer = fused_adam(0.01) if fused else keras.optimizers.Adam(0.01)
        chance = np.random.default_rng(0)
        table = keras.Variable(chance.normal(size=(9, 4)), dtype="float32")
        optimizer.build([table])
        for rate in (0.01, 0.01, 0.002):
            optimizer.learning_rate = rate
            rows = tf.constant(chance.normal(size=(3, 4)), tf.float32)
            gradient = tf.IndexedSlices(rows, tf.constant([1, 7, 1]), tf.constant([9, 4]))
            whole = tf.convert_to_tensor(gradient)
            optimizer.apply([gradient if fused else whole])
        moved.append(np.asarray(table))
    by_ours, by_keras = moved
    np.testing.assert_allclose(by_ours, by_keras, rtol=1e-5)


def train(prepared: Path, folder: Path, state: Path | None = None) -> object:
    fit = FitConfig(epochs=2, batch_size=16, learning_rate=0.01, training_step="fast")
    return train_small(prepared, folder, fit, state=state)


def test_a_fast_training_repeats_resumes_exactly_and_leaves_a_plain_model(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.training import callbacks

    whole = train(prepared, tmp_path / "whole")

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.TrainingFollower, "on_epoch_end", cut)
        with pytest.raises(KeyboardInterrupt):
            train(prepared, tmp_path / "cut", tmp_path / "state")
    assert train(prepared, tmp_path / "resumed", tmp_path / "state") == whole

    model = keras.models.load_model(tmp_path / "whole/best_model.keras", compile=False)
    initial = keras.models.load_model(prepared / "initial_model.keras", compile=False)
    assert model.get_config() == initial.get_config()
    assert weights_hash(model) != weights_hash(initial)
    assert model_hash(model)
