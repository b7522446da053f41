"""The mean of the words' vectors (Joulin and others, *Bag of Tricks*, EACL 2017)."""

import keras
from keras import layers


def build(data, width: int = 64, trainable: bool = True):
    given = {} if data.vectors is None else {"weights": [data.vectors]}  # of --embeddings
    width = width if data.vectors is None else data.vectors.shape[1]
    return keras.Sequential(
        [
            keras.Input((data.maxlen,), dtype="int32"),
            layers.Embedding(data.num_words, width, mask_zero=True, trainable=trainable, **given),
            layers.GlobalAveragePooling1D(),
            layers.Dense(data.outputs, activation=data.activation),
        ]
    )
