"""Convolutions of several widths and their highest values (Kim, EMNLP 2014)."""

import keras
import numpy as np
from keras import layers

NUM_WORDS, MAXLEN, FILTERS = 20_000, 200, 64


def load(part):
    with np.load("reviews.npz") as reviews:
        return reviews[f"x_{part}"], reviews[f"y_{part}"]


tokens = keras.Input((MAXLEN,), dtype="int32")
vectors = layers.Embedding(NUM_WORDS, 64)(tokens)
found = [
    layers.GlobalMaxPooling1D()(
        layers.Conv1D(FILTERS, width, padding="same", activation="relu")(vectors)
    )
    for width in (3, 4, 5)
]
hidden = layers.Dropout(0.5)(layers.Concatenate()(found))
answer = layers.Dense(1, activation="sigmoid")(hidden)
model = keras.Model(tokens, answer)

model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(*load("train"), batch_size=32, epochs=2, validation_data=load("test"))
loss, accuracy = model.evaluate(*load("test"))
