"""The fast training step does what Keras's layers do."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tasks.config.training import ConvBilstmConfig
from tasks.model.build import build_network, with_own_seeds
from tasks.model.kernels.adam import fused_adam
from tasks.model.kernels.fast_network import fast_network
from tasks.model.model_hash import model_hash

NETWORK = ConvBilstmConfig(
    embedding_dim=6,
    dropout=0,
    filters=5,
    kernel_size=3,
    pool_size=2,
    lstm_units=4,
    last_lstm_units=3,
)


def losses_of(model: keras.Model, classes: int) -> list[float]:
    """Return the losses of twelve training steps, the weights of which the model keeps."""
    chance = np.random.default_rng(0)
    tokens = chance.integers(0, 30, (12, 8, 14)).astype("int32")
    labels = chance.integers(0, classes, (12, 8, 1)).astype("float32")
    loss = "binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy"
    model.compile(optimizer=keras.optimizers.SGD(1.0, momentum=0.9), loss=loss)
    return [float(model.train_on_batch(*batch)) for batch in zip(tokens, labels, strict=True)]


@pytest.mark.parametrize(
    ("kernel_size", "pool_size", "batch_size", "classes"),
    [
        (5, 4, 11, 2),  # fills its batches
        *(
            pytest.param(*sizes, marks=pytest.mark.slow)
            for sizes in [(3, 2, 8, 4), (3, 2, 8, 2), (1, 3, 8, 2), (6, 5, 8, 2)]
        ),
    ],
)
def test_without_dropout_a_training_is_that_of_keras_but_for_rounding(
    kernel_size: int, pool_size: int, batch_size: int, classes: int
) -> None:
    sizes = NETWORK.model_copy(update={"kernel_size": kernel_size, "pool_size": pool_size})
    plain, network = (with_own_seeds(build_network(30, 14, sizes, classes), 0) for _ in range(2))
    model = fast_network(network, batch_size)
    np.testing.assert_allclose(losses_of(model, classes), losses_of(plain, classes), rtol=1e-5)
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


def test_a_fast_network_is_saved_as_the_plain_one(tmp_path: Path) -> None:
    plain = with_own_seeds(build_network(30, 14, NETWORK), 0)
    loaded = []
    for name, model in {"plain.keras": plain, "fast.keras": fast_network(plain, 8)}.items():
        model.save(tmp_path / name)
        loaded.append(keras.models.load_model(tmp_path / name, compile=False))
    assert loaded[0].get_config() == loaded[1].get_config()
    assert model_hash(loaded[0]) == model_hash(loaded[1]) == model_hash(plain)
