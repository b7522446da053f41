"""Convolutions over characters (Zhang, Zhao and LeCun, NeurIPS 2015)."""

import keras
from keras import layers


def build(data):
    model = keras.Sequential()
    model.add(keras.Input((data.maxlen,), dtype="int32"))
    model.add(layers.Embedding(data.num_words, 16))
    model.add(layers.Conv1D(64, 7, padding="same", activation="relu"))
    model.add(layers.MaxPooling1D(3))
    model.add(layers.Conv1D(64, 7, padding="same", activation="relu"))
    model.add(layers.MaxPooling1D(3))
    model.add(layers.Conv1D(64, 3, padding="same", activation="relu"))
    model.add(layers.GlobalMaxPooling1D())
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(data.outputs, activation=data.activation))
    return model
