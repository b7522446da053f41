"""The tutorial's network with a faster training step on a CPU.

Importing this module imports Keras; only the training does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from tasks.byte_dropout import byte_dropout
from tasks.lstm_scan import gates_last, lstm_scan
from tasks.tokenize_text import PAD_ID

if TYPE_CHECKING:
    from pathlib import Path


class FastNetwork(keras.Model):
    """Trains a network of `build_conv_bilstm`, which stays what is saved and judged.

    A training step computes the same function, but for rounding and for which numbers its
    dropout hits. Keras's `Model.fit` and its callbacks work on it as on the network itself.
    """

    def __init__(
        self, network: keras.Sequential, convolution: str, *, leave_padding_out: bool = False
    ) -> None:
        """Take the network, and how to train it.

        Args:
            network: As `build_conv_bilstm` makes it.
            convolution: Type in which the convolution multiplies, float32 or bfloat16; sums are
                float32 in both.
            leave_padding_out: Whether a training step leaves out the columns in front in which
                no review of the batch has a word. The function is another one then: the network
                itself reads them.
        """
        super().__init__(name="fast_training")
        self.network = network
        self.built = True
        self._convolution = convolution
        self._leave_padding_out = leave_padding_out
        self._word_masks = keras.random.SeedGenerator(0)
        self._sequence_masks = keras.random.SeedGenerator(0)

    def call(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:  # noqa: FBT001, FBT002 - Keras's signature
        """Return the probabilities, (batch, 1), of int32 tokens (batch, maxlen)."""
        if not training:
            return self.network(tokens, training=False)
        part = self.network.get_layer
        if self._leave_padding_out:
            tokens = self._without_padding(tokens)
        words = tf.gather(part("embedding").embeddings.value, tokens)
        words = byte_dropout(words, part("word_dropout").rate, _seed(self._word_masks))
        found = self._convolve(words)
        size = part("pooling").pool_size[0]
        pooled = tf.nn.max_pool1d(found, size, size, "VALID")
        by_time = tf.transpose(pooled, [1, 0, 2])
        first = _both_ways(by_time, part("first_bidirectional"), sequences=True)
        first = byte_dropout(first, part("sequence_dropout").rate, _seed(self._sequence_masks))
        last = _both_ways(first, part("last_bidirectional"), sequences=False)
        answer = part("probability")
        return tf.sigmoid(tf.matmul(last, answer.kernel.value) + answer.bias.value)

    def save(self, filepath: Path | str, **options: Any) -> None:  # noqa: ANN401 - Keras's signature
        """Save the network alone."""
        self.network.save(filepath, **options)

    def _without_padding(self, tokens: tf.Tensor) -> tf.Tensor:
        """Cut whole windows of the pooling, so that the others stay where they are."""
        window = self.network.get_layer("pooling").pool_size[0]
        needed = self.network.get_layer("convolution").kernel_size[0] + window - 1
        holds_words = tf.reduce_any(tokens != PAD_ID, axis=0)
        padding = tf.argmax(tf.cast(holds_words, tf.int32), output_type=tf.int32)
        most = tokens.shape[1] - needed
        return tokens[:, tf.minimum(padding, most) // window * window :]

    def _convolve(self, words: tf.Tensor) -> tf.Tensor:
        layer = self.network.get_layer("convolution")
        kind = tf.as_dtype(self._convolution)
        kernel = tf.cast(layer.kernel.value, kind)
        sums = tf.nn.conv1d(tf.cast(words, kind), kernel, 1, "VALID")
        return tf.nn.relu(tf.cast(sums, tf.float32) + layer.bias.value)


def _seed(generator: keras.random.SeedGenerator) -> tf.Tensor:
    return tf.cast(generator.next(), tf.int32)


def _both_ways(
    inputs: tf.Tensor, layer: keras.layers.Bidirectional, *, sequences: bool
) -> tf.Tensor:
    """Return what a bidirectional LSTM gives for inputs (time, batch, features)."""
    time, features = tf.shape(inputs)[0], inputs.shape[-1]
    flat = tf.reshape(inputs, [-1, features])
    read = []
    for backwards, part in enumerate((layer.forward_layer, layer.backward_layer)):
        kernel, recurrent, bias = (gates_last(weight.value) for weight in part.weights[:3])
        projected = tf.reshape(tf.matmul(flat, kernel) + bias, [time, -1, kernel.shape[-1]])
        read.append(lstm_scan(projected, recurrent, backwards=bool(backwards), sequences=sequences))
    return tf.concat(read, axis=-1)
