"""A bidirectional GRU whose steps are weighed by attention."""

import keras
import numpy as np
from keras import layers, ops

data = np.load("reviews.npz")
vocabulary_size = 20_000


class WeighedSum(layers.Layer):
    """The sum of all steps, weighed by how much each matters."""

    def build(self, input_shape):
        self.importance = self.add_weight(shape=(input_shape[-1], 1), name="importance")

    def call(self, steps):
        weights = ops.softmax(ops.matmul(ops.tanh(steps), self.importance), axis=1)
        return ops.sum(weights * steps, axis=1)


def make_model(units=32, dropout=0.5):
    tokens = keras.Input(shape=(None,))
    vectors = layers.Embedding(vocabulary_size, 64)(tokens)
    vectors = layers.Dropout(dropout)(vectors)
    steps = layers.Bidirectional(layers.GRU(units, return_sequences=True))(vectors)
    answer = layers.Dense(1, activation="sigmoid")(WeighedSum()(steps))
    return keras.Model(tokens, answer)


model = make_model()
model.compile(loss="binary_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
model.fit(data["x_train"], data["y_train"], batch_size=32, epochs=2)
loss, accuracy = model.evaluate(data["x_test"], data["y_test"])
