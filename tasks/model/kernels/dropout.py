"""The words' vectors with dropout, and the gradient of their table, in one pass each."""

from collections.abc import Callable

import tensorflow as tf

from tasks.model.kernels.xla import compiled


def dropped_words(table: tf.Tensor, tokens: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Return what Keras's Embedding and Dropout give, but for which numbers are set to zero.

    From the vectors of all words (words, width) and int32 tokens (batch, time) to (time, batch,
    width); the seed is int32 of shape (2,). The gradient of the table is whole: the rows of a word
    that occurs more than once are summed.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator] # TensorFlow is not typed
    def look_up(table: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return compiled(_d_table)(upstream, tokens, rate, seed, table.shape[0])

        return compiled(_vectors)(table, tokens, rate, seed), gradient

    result: tf.Tensor = look_up(table)
    return result


def _vectors(table: tf.Tensor, tokens: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    return kept(tf.gather(table, tf.transpose(tokens)), rate, seed)


def _d_table(
    upstream: tf.Tensor, tokens: tf.Tensor, rate: float, seed: tf.Tensor, words: int
) -> tf.Tensor:
    rows = tf.reshape(kept(upstream, rate, seed), [-1, upstream.shape[-1]])
    return tf.math.unsorted_segment_sum(rows, tf.reshape(tf.transpose(tokens), [-1]), words)


_ALL = 2**32


def hashed_dropout(values: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Set the share `rate` of the values to zero, and scale the others to the same expected sum.

    The seed is int32 of shape (2,). See Srivastava et al., JMLR 15, 2014.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator] # TensorFlow is not typed
    def drop(values: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        return compiled(kept)(values, rate, seed), lambda d: compiled(kept)(d, rate, seed)

    result: tf.Tensor = drop(values)
    return result


def kept(values: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Return the values with a part of them set to zero, the same one for the same seed."""
    if rate == 0:
        return values
    shape = tf.shape(values)
    hashes = tf.reshape(_hashes(tf.reduce_prod(shape), seed), shape)
    lowest = tf.constant(min(round(rate * _ALL), _ALL - 1), tf.uint32)
    return tf.where(hashes >= lowest, values / (1 - rate), 0.0)


def _hashes(count: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return uint32 of shape (count,)."""
    first, second = tf.unstack(tf.bitcast(seed, tf.uint32))
    places = tf.bitcast(tf.range(count), tf.uint32)
    return _mixed(_mixed(places + first) + second)


def _mixed(numbers: tf.Tensor) -> tf.Tensor:
    """Return a permutation of uint32 in which each bit depends on all: MurmurHash3's last step.

    See https://github.com/aappleby/smhasher/wiki/MurmurHash3
    """
    for bits, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        numbers = _folded(numbers, bits) * tf.constant(factor, tf.uint32)
    return _folded(numbers, 16)


def _folded(numbers: tf.Tensor, bits: int) -> tf.Tensor:
    shifted = tf.bitwise.right_shift(numbers, tf.constant(bits, tf.uint32))
    return tf.bitwise.bitwise_xor(numbers, shifted)
