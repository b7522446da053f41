"""The networks that can be trained, by name: how each is built and prepared.

A new one needs an entry here, its config in `tasks.config.training.NETWORKS`, its title in
`tasks.reports.model_card`, and a file of its own. `tests/model/test_architectures.py` then asks of
it what it asks of all.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tasks.config.training import Architecture
from tasks.model.conv_bilstm import build_conv_bilstm
from tasks.model.ngrams.bag import build_ngram_bag, prepare_ngram_bag

Parts = Iterable[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class NetworkKind:
    """How one kind of network comes to be.

    `build` takes the size of the vocabulary, the tokens per review, the config of this kind and the
    number of classes; it returns an uncompiled model from int32 tokens (batch, maxlen) to the
    float32 numbers of a `probability_layer`, made of Keras's own layers and operations, so that its
    file needs no code of this project. `prepare` sets what is counted on the training reviews,
    rather than learned, before the first step; None where there is no such thing.
    """

    build: Callable[[int, int, Any, int], keras.Model]
    prepare: Callable[[keras.Model, Parts, Any], None] | None = None


ARCHITECTURES: dict[Architecture, NetworkKind] = {
    "conv_bilstm": NetworkKind(build_conv_bilstm),
    "ngram_bag": NetworkKind(build_ngram_bag, prepare_ngram_bag),
}
