"""Convolution, rectifier and pooling in one are those of TensorFlow, and so are the gradients."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from tasks.model.kernels.convolution import pooled_convolution


def plain(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, size: int) -> tf.Tensor:
    found = tf.nn.conv1d(tf.transpose(inputs, [1, 0, 2]), kernel, 1, "VALID") + bias
    pooled = tf.nn.max_pool1d(tf.nn.relu(found), size, size, "VALID")
    return tf.transpose(pooled, [1, 0, 2])


@tf.function
def with_gradients(
    function: Callable[..., tf.Tensor], arguments: list[tf.Tensor], size: int
) -> list[tf.Tensor]:
    """Return the results, and the gradients of the sum of their squares."""
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        pooled = function(*arguments, size)
        score = tf.reduce_sum(pooled**2)
    return [pooled, *tape.gradient(score, arguments)]


# Each is compiled again, so there are few: one of either, as many products as can be, too many.
SIZES = [(1, 3, 2), (3, 1, 0), (2, 3, 1), (4, 5, 3), (5, 5, 4)]

MORE_SIZES = [(2, 2, 0), (3, 3, 7), (5, 4, 1)]


@pytest.mark.parametrize(
    ("size", "taps", "more"),
    [*SIZES, *(pytest.param(*sizes, marks=pytest.mark.slow) for sizes in MORE_SIZES)],
)
@pytest.mark.parametrize("widths", [pytest.param((1, 1, 1), marks=pytest.mark.slow), (3, 2, 4)])
def test_results_and_gradients_are_those_of_the_three_operations(
    size: int, taps: int, more: int, widths: tuple[int, int, int]
) -> None:
    batch, channels, filters = widths
    chance = np.random.default_rng(0)
    shapes = (size + taps - 1 + more, batch, channels), (taps, channels, filters), (filters,)
    arguments = [tf.constant(chance.normal(size=shape), tf.float32) for shape in shapes]
    found = with_gradients(pooled_convolution, arguments, size)
    for ours, expected in zip(found, with_gradients(plain, arguments, size), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-3)
