"""Convolutions of several widths and their highest values (Kim, EMNLP 2014)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
from keras import layers

if TYPE_CHECKING:
    from tasks.model.own.network_input import NetworkInput


def build(data: NetworkInput, filters: int = 64, dropout: float = 0.5) -> keras.Model:
    """Return a network of convolutions of 3, 4 and 5 words."""
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
