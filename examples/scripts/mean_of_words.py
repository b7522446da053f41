"""The mean of the words' vectors (Joulin and others, *Bag of Tricks*, EACL 2017)."""

import keras
import numpy as np
from keras import layers

reviews = np.load("reviews.npz")
x_train, y_train = reviews["x_train"], reviews["y_train"]
x_test, y_test = reviews["x_test"], reviews["y_test"]

model = keras.Sequential(
    [
        layers.Embedding(20_000, 64, mask_zero=True),
        layers.GlobalAveragePooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ]
)

model.compile(optimizer=keras.optimizers.Adam(0.01), loss="bce", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=32, epochs=2, validation_data=(x_test, y_test))
_, accuracy = model.evaluate(x_test, y_test)
