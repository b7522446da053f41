"""The mean of the words' vectors (Joulin and others, *Bag of Tricks*, EACL 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
from keras import layers

if TYPE_CHECKING:
    from tasks.model.own.network_input import NetworkInput


def build(data: NetworkInput, width: int = 64, trainable: bool = True) -> keras.Model:  # noqa: FBT001, FBT002
    """Return a linear network on the mean of all words, padding left out.

    With `--embeddings` it begins with these vectors, and keeps them with `trainable=false`.
    """
    given = data.vectors
    vectors = layers.Embedding(
        data.num_words,
        width if given is None else given.shape[1],
        mask_zero=True,
        weights=None if given is None else [given],
        trainable=trainable,
    )
    return keras.Sequential(
        [
            keras.Input((data.maxlen,), dtype="int32"),
            vectors,
            layers.GlobalAveragePooling1D(),
            layers.Dense(data.outputs, activation=data.activation),
        ]
    )
