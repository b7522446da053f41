"""A bidirectional LSTM that forgets whole words while it learns."""

import keras
import numpy as np
from keras import layers, ops

max_features = 20_000
reviews = np.load("reviews.npz")


class WordDropout(layers.Layer):
    """Sets the vectors of some words to 0 in training."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def call(self, words, training=False):
        if not training:
            return words
        kept = keras.random.uniform(ops.shape(words)[:2]) >= self.rate
        return words * ops.cast(kept, words.dtype)[..., None] / (1 - self.rate)


inputs = keras.Input((None,), dtype="int32")
x = layers.Embedding(max_features, 64)(inputs)
x = WordDropout(0.2)(x)
x = layers.Bidirectional(layers.LSTM(32))(x)
outputs = layers.Dense(1, activation="sigmoid")(x)
model = keras.Model(inputs, outputs)

model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(reviews["x_train"], reviews["y_train"], batch_size=32, epochs=2, validation_split=0.2)
loss, accuracy = model.evaluate(reviews["x_test"], reviews["y_test"])
print(f"test accuracy {accuracy:.3f}")
