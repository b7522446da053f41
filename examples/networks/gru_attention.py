"""A bidirectional GRU whose steps are weighed by attention."""

import keras
from keras import layers, ops


class WeighedSum(layers.Layer):
    """The sum of all steps, weighed by how much each matters."""

    def build(self, input_shape):
        self.importance = self.add_weight(shape=(input_shape[-1], 1), name="importance")

    def call(self, steps):
        weights = ops.softmax(ops.matmul(ops.tanh(steps), self.importance), axis=1)
        return ops.sum(weights * steps, axis=1)


def build(data, units: int = 32, dropout: float = 0.5):
    tokens = keras.Input(shape=(data.maxlen,))
    vectors = layers.Embedding(data.num_words, 64)(tokens)
    vectors = layers.Dropout(dropout)(vectors)
    steps = layers.Bidirectional(layers.GRU(units, return_sequences=True))(vectors)
    answer = layers.Dense(data.outputs, activation=data.activation)(WeighedSum()(steps))
    return keras.Model(tokens, answer)
