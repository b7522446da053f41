"""Convolution, rectifier and max pooling in one, with the gradient written out, for a CPU.

A window of the pooling is a tile of Winograd's filtering: its results are computed by few
products and only the largest is kept. See `tasks.model.kernels.winograd`.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tasks.model.kernels.winograd import MOST_PRODUCTS, minimal_filtering
from tasks.model.kernels.xla import compiled


def pooled_convolution(
    inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, size: int
) -> tf.Tensor:
    """Return what Keras's Conv1D (valid, relu) and MaxPooling1D give, but for rounding.

    From inputs (time, batch, channels), a kernel (taps, channels, filters) and a bias (filters,) to
    (windows, batch, filters). A window has the size `size`, and the next one begins where it ends.
    """
    taps = kernel.shape[0]
    # With one of either no product is saved.
    if min(size, taps) == 1 or size + taps - 1 > MOST_PRODUCTS:
        by_review = tf.transpose(inputs, [1, 0, 2])
        found = tf.nn.relu(tf.nn.conv1d(by_review, kernel, 1, "VALID") + bias)
        return tf.transpose(tf.nn.max_pool1d(found, size, size, "VALID"), [1, 0, 2])
    result: tf.Tensor = tf.custom_gradient(_by_tiles(size))(inputs, kernel, bias)
    return result


def _by_tiles(size: int) -> Callable[..., object]:
    def convolve(
        inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
        taps = kernel.shape[0]
        of_taps = tf.constant(minimal_filtering(size, taps).of_taps)
        tiles = compiled(_tiles)(inputs, size, taps)
        weights = tf.tensordot(of_taps, kernel, 1)
        shape = tf.concat([tf.shape(tiles)[:3], tf.shape(bias)], 0)
        products = tf.reshape(tf.matmul(_flat(tiles), weights), shape)
        pooled, places = compiled(_pooled)(products, bias, size, taps)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            d_products, d_bias = compiled(_d_products)(upstream, pooled, places, size, taps)
            d_products = _flat(d_products)
            d_weights = tf.matmul(_flat(tiles), d_products, transpose_a=True)
            d_tiles = tf.matmul(d_products, weights, transpose_b=True)
            d_tiles = tf.reshape(d_tiles, tf.shape(tiles))
            d_inputs = compiled(_d_inputs)(d_tiles, tf.shape(inputs), size, taps)
            return d_inputs, tf.tensordot(of_taps, d_weights, [[0], [0]]), d_bias

        return pooled, gradient

    return convolve


def _flat(tiles: tf.Tensor) -> tf.Tensor:
    """Return (products, windows, batch, n) as (products, windows * batch, n)."""
    shape = tf.shape(tiles)
    return tf.reshape(tiles, [tiles.shape[0], shape[1] * shape[2], tiles.shape[3]])


def _tiles(inputs: tf.Tensor, size: int, taps: int) -> tf.Tensor:
    """Return the neighbouring inputs of each window, transformed: (products, windows, batch, n)."""
    products = size + taps - 1
    windows = (tf.shape(inputs)[0] - taps + 1) // size
    places = [inputs[at : at + (windows - 1) * size + 1 : size] for at in range(products)]
    return tf.stack(_sums(minimal_filtering(size, taps).of_inputs, places))


def _d_inputs(d_tiles: tf.Tensor, shape: tf.Tensor, size: int, taps: int) -> tf.Tensor:
    """Return the gradient of the inputs, of `shape`, by that of the tiles."""
    d_places = _sums(minimal_filtering(size, taps).of_inputs.T, tf.unstack(d_tiles))
    windows = tf.shape(d_tiles)[1]
    longest = windows + math.ceil((size + taps - 1) / size) - 1

    def at_windows(place: int) -> tf.Tensor:
        before = place // size
        return tf.pad(d_places[place], [[before, longest - windows - before], [0, 0], [0, 0]])

    phases = [
        tf.add_n([at_windows(place) for place in range(phase, len(d_places), size)])
        for phase in range(size)
    ]
    read = tf.reshape(tf.stack(phases, axis=1), [longest * size, shape[1], d_tiles.shape[3]])
    read = read[: shape[0]]
    return tf.pad(read, [[0, shape[0] - tf.shape(read)[0]], [0, 0], [0, 0]])


def _pooled(
    products: tf.Tensor, bias: tf.Tensor, size: int, taps: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the largest result of each window, rectified, and which it is (int8)."""
    results = _sums(minimal_filtering(size, taps).of_products, tf.unstack(products))
    largest, places = results[0], tf.zeros_like(results[0], tf.int8)
    for place, result in enumerate(results[1:], start=1):
        places = tf.where(result > largest, tf.constant(place, tf.int8), places)
        largest = tf.maximum(largest, result)
    return tf.nn.relu(largest + bias), places


def _d_products(
    upstream: tf.Tensor, pooled: tf.Tensor, places: tf.Tensor, size: int, taps: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the gradients of products and bias by that of the pooled results."""
    d_largest = tf.where(pooled > 0, upstream, 0.0)
    d_results = [tf.where(places == place, d_largest, 0.0) for place in range(size)]
    d_products = tf.stack(_sums(minimal_filtering(size, taps).of_products.T, d_results))
    return d_products, tf.reduce_sum(d_largest, [0, 1])


def _sums(factors: np.ndarray, parts: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Return the sum of the parts by each row of factors; most are 0 or powers of 2."""
    return [
        sum(factor * part for factor, part in zip(row.tolist(), parts, strict=True) if factor)
        for row in factors
    ]
