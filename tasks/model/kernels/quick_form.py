"""A network in a form that trains it by other code."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf


class QuickForm(keras.Model):
    """A form of a network that has its variables, and is saved as it.

    Keras's `Model.fit` and its callbacks work on it as on the network itself.
    """

    def __init__(
        self,
        network: keras.Model,
        trained: Callable[[tf.Tensor], tf.Tensor],
        seeds: Sequence[keras.random.SeedGenerator] = (),
    ) -> None:
        """Take what gives the network's answers in a training step, and the seeds that it draws."""
        super().__init__(name="fast_training")
        self.network, self.seeds, self._trained = network, list(seeds), trained
        self.built = True

    def call(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:  # noqa: FBT001, FBT002 - Keras's signature
        """Return what the network gives for int32 tokens (batch, maxlen)."""
        return self._trained(tokens) if training else self.network(tokens, training=False)

    def save(self, filepath: Path | str, **options: Any) -> None:  # noqa: ANN401 - Keras's signature
        """Save the network alone."""
        self.network.save(filepath, **options)
