"""Convolutions of several widths and their highest values (Kim, EMNLP 2014)."""

import keras
from keras import layers


def build(data, filters: int = 64, dropout: float = 0.5):
    tokens = keras.Input((data.maxlen,), dtype="int32")
    vectors = layers.Embedding(data.num_words, 64)(tokens)
    found = [
        layers.GlobalMaxPooling1D()(
            layers.Conv1D(filters, width, padding="same", activation="relu")(vectors)
        )
        for width in (3, 4, 5)
    ]
    hidden = layers.Dropout(dropout)(layers.Concatenate()(found))
    answer = layers.Dense(data.outputs, activation=data.activation)(hidden)
    return keras.Model(tokens, answer)
