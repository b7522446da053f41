"""A bidirectional GRU whose steps are weighed by attention, in a layer of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers, ops

if TYPE_CHECKING:
    from tasks.model.own.network_input import NetworkInput


class WeighedSum(layers.Layer):
    """The sum of all steps, weighed by how much each matters: (n, steps, width) to (n, width)."""

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Make one weight for each number of a step."""
        self.importance = self.add_weight(shape=(input_shape[-1], 1), name="importance")

    def call(self, steps: Any) -> Any:  # noqa: ANN401 - a tensor
        """Return the weighed sum."""
        weights = ops.softmax(ops.matmul(ops.tanh(steps), self.importance), axis=1)
        return ops.sum(weights * steps, axis=1)


def build(data: NetworkInput, units: int = 32, dropout: float = 0.5) -> keras.Model:
    """Return a GRU in both directions, with attention over its steps."""
    tokens = keras.Input((data.maxlen,), dtype="int32")
    vectors = layers.Dropout(dropout)(layers.Embedding(data.num_words, 64)(tokens))
    steps = layers.Bidirectional(layers.GRU(units, return_sequences=True))(vectors)
    answer = layers.Dense(data.outputs, activation=data.activation)(WeighedSum()(steps))
    return keras.Model(tokens, answer)
