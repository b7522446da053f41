"""A bidirectional LSTM that forgets whole words while it learns."""

import keras
from keras import layers, ops


class WordDropout(layers.Layer):
    """Sets the vectors of some words to 0 in training."""

    def __init__(self, rate, **options):
        super().__init__(**options)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator(0)  # its state is saved and resumed

    def call(self, words, training=False):
        if not training:
            return words
        kept = keras.random.uniform(ops.shape(words)[:2], seed=self.seed_generator) >= self.rate
        return words * ops.cast(kept, words.dtype)[..., None] / (1 - self.rate)


def build(data):
    inputs = keras.Input((data.maxlen,), dtype="int32")
    x = layers.Embedding(data.num_words, 64)(inputs)
    x = WordDropout(0.2)(x)
    x = layers.Bidirectional(layers.LSTM(32))(x)
    outputs = layers.Dense(data.outputs, activation=data.activation)(x)
    return keras.Model(inputs, outputs)
