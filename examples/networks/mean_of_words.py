"""The mean of the words' vectors (Joulin and others, *Bag of Tricks*, EACL 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
from keras import layers

if TYPE_CHECKING:
    from tasks.model.own.network_input import NetworkInput


def build(data: NetworkInput, width: int = 64) -> keras.Model:
    """Return a linear network on the mean of the vectors of all words, padding left out."""
    return keras.Sequential(
        [
            keras.Input((data.maxlen,), dtype="int32"),
            layers.Embedding(data.num_words, width, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(data.outputs, activation=data.activation),
        ]
    )
