"""A bidirectional LSTM that forgets whole words, by a layer of its own with its own seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers, ops

if TYPE_CHECKING:
    from tasks.model.own.network_input import NetworkInput


class WordDropout(layers.Layer):
    """Sets some vectors to 0 in training: (n, steps, width) to the same."""

    def __init__(self, rate: float, **options: Any) -> None:  # noqa: ANN401 - Keras's own
        """Take the share of words that are forgotten."""
        super().__init__(**options)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator(0)  # its state is saved and resumed

    def call(self, words: Any, training: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002
        """Return the vectors that are kept, larger by as much as is forgotten."""
        if not training:
            return words
        kept = keras.random.uniform(ops.shape(words)[:2], seed=self.seed_generator) >= self.rate
        return words * ops.cast(kept, words.dtype)[..., None] / (1 - self.rate)


def build(data: NetworkInput, units: int = 32, rate: float = 0.2) -> keras.Model:
    """Return an LSTM in both directions over the words that are left."""
    tokens = keras.Input((data.maxlen,), dtype="int32")
    words = WordDropout(rate)(layers.Embedding(data.num_words, 64)(tokens))
    read = layers.Bidirectional(layers.LSTM(units))(words)
    answer = layers.Dense(data.outputs, activation=data.activation)(read)
    return keras.Model(tokens, answer)
