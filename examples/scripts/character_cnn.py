"""Convolutions over characters (Zhang, Zhao and LeCun, NeurIPS 2015)."""

import keras
import numpy as np
from keras import layers

NUM_CHARACTERS, MAXLEN = 100, 200

reviews = np.load("reviews.npz")  # an id for each character

model = keras.Sequential()
model.add(keras.Input((MAXLEN,), dtype="uint8"))
model.add(layers.Embedding(NUM_CHARACTERS, 16))
model.add(layers.Conv1D(64, 7, padding="same", activation="relu"))
model.add(layers.MaxPooling1D(3))
model.add(layers.Conv1D(64, 7, padding="same", activation="relu"))
model.add(layers.MaxPooling1D(3))
model.add(layers.Conv1D(64, 3, padding="same", activation="relu"))
model.add(layers.GlobalMaxPooling1D())
model.add(layers.Dense(64, activation="relu"))
model.add(layers.Dropout(0.5))
model.add(layers.Dense(1, activation="sigmoid"))

model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(reviews["x_train"], reviews["y_train"], batch_size=32, epochs=2, shuffle=True)
loss, accuracy = model.evaluate(reviews["x_test"], reviews["y_test"])
