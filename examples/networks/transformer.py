"""One Transformer block over words and their places (Vaswani and others, NeurIPS 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers, ops

if TYPE_CHECKING:
    from tasks.model.own.network_input import NetworkInput


class Places(layers.Layer):
    """Adds a learned vector for each place: (n, steps, width) to the same."""

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Make one vector for each place."""
        self.vectors = self.add_weight(shape=input_shape[1:], name="vectors")

    def call(self, words: Any) -> Any:  # noqa: ANN401 - a tensor
        """Return the vectors of words with those of their places added."""
        return words + self.vectors


def build(data: NetworkInput, width: int = 32, heads: int = 2, dropout: float = 0.2) -> keras.Model:
    """Return a network of one block, and the mean over its steps."""
    tokens = keras.Input((data.maxlen,), dtype="int32")
    words = Places()(layers.Embedding(data.num_words, width)(tokens))
    seen = layers.MultiHeadAttention(heads, width // heads, dropout=dropout)(words, words)
    mixed = layers.LayerNormalization()(words + seen)
    hidden = layers.Dense(width)(layers.Dense(2 * width, activation="relu")(mixed))
    block = layers.LayerNormalization()(mixed + layers.Dropout(dropout)(hidden))
    answer = layers.Dense(data.outputs, activation=data.activation)(ops.mean(block, axis=1))
    return keras.Model(tokens, answer)
