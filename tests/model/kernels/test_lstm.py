"""The recurrence of an LSTM is that of Keras's layer, and so is its gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tasks.model.kernels.lstm import lstm_scan


@tf.function
def scanned(
    inputs: tf.Tensor, kernel: tf.Tensor, recurrent: tf.Tensor, bias: tf.Tensor
) -> list[tf.Tensor]:
    """Return the outputs, and the gradients of the sum of their squares."""
    arguments = [inputs, kernel, recurrent, bias]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        found = lstm_scan(inputs @ kernel + bias, recurrent)
        score = tf.reduce_sum(found**2)
    return [found, *tape.gradient(score, arguments)]


# Each shape is compiled again, so there are few.
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 4, 1, 5), (6, 3, 5, 2)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_scan_and_gradients_are_those_of_keras(shape: tuple[int, int, int, int], seed: int) -> None:
    time, batch, units, features = shape
    chance = np.random.default_rng(seed)
    layer = keras.layers.LSTM(units, return_sequences=True)
    layer.build((batch, time, features))
    layer.set_weights([chance.normal(size=weight.shape) for weight in layer.weights])
    inputs = tf.constant(chance.normal(size=(time, batch, features)), tf.float32)
    weights = [weight.value for weight in layer.trainable_weights]

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        expected = tf.transpose(layer(tf.transpose(inputs, [1, 0, 2])), [1, 0, 2])
        score = tf.reduce_sum(expected**2)
    expected_gradients = tape.gradient(score, [inputs, *weights])

    found, *gradients = scanned(inputs, *(tf.convert_to_tensor(each) for each in weights))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-3, atol=1e-4)
