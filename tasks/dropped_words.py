"""The words' vectors with dropout, and the gradient of their table, in one pass each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.compiled_function import compiled
from tasks.hashed_dropout import kept

if TYPE_CHECKING:
    from collections.abc import Callable

    import tensorflow as tf


def dropped_words(table: tf.Tensor, tokens: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Return what Keras's Embedding and Dropout give, but for which numbers are set to zero.

    The gradient of the table is whole: the rows of a word that occurs more than once are summed.

    Args:
        table: Vectors of all words, (words, width).
        tokens: int32 (batch, time).
        rate: Share to set to zero.
        seed: int32 of shape (2,).

    Returns:
        (time, batch, width).
    """
    import tensorflow as tf

    @tf.custom_gradient  # type: ignore[untyped-decorator] # TensorFlow is not typed
    def look_up(table: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return compiled(_d_table)(upstream, tokens, rate, seed, table.shape[0])

        return compiled(_vectors)(table, tokens, rate, seed), gradient

    result: tf.Tensor = look_up(table)
    return result


def _vectors(table: tf.Tensor, tokens: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    import tensorflow as tf

    return kept(tf.gather(table, tf.transpose(tokens)), rate, seed)


def _d_table(
    upstream: tf.Tensor, tokens: tf.Tensor, rate: float, seed: tf.Tensor, words: int
) -> tf.Tensor:
    import tensorflow as tf

    rows = tf.reshape(kept(upstream, rate, seed), [-1, upstream.shape[-1]])
    return tf.math.unsorted_segment_sum(rows, tf.reshape(tf.transpose(tokens), [-1]), words)
