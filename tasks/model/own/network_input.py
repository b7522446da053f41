"""What a user's function is told: the words, the length and the labels of the reviews."""

from dataclasses import dataclass

import numpy as np

from tasks.model.answers import output_count


@dataclass(frozen=True)
class NetworkInput:
    """What a network must fit: it takes int tokens (batch, maxlen), ids below `num_words`.

    It returns what `outputs` and `activation` say of its last layer: of two labels the probability
    of the second one, shape (batch, 1); of more one for each, shape (batch, classes). `words` has
    the word of each id, None for the reserved ids 0 (padding), 1 (start), 2 (unknown word) and 3.
    `vectors` are those of `--embeddings`, float32 (num_words, width), for
    `keras.layers.Embedding(data.num_words, width, weights=[data.vectors])`, else None.
    `seed` is for random numbers that are not drawn by Keras.
    """

    num_words: int
    maxlen: int
    classes: int
    seed: int
    words: tuple[str | None, ...]
    vectors: np.ndarray | None = None

    @property
    def outputs(self) -> int:
        """The numbers of the last layer."""
        return output_count(self.classes)

    @property
    def activation(self) -> str:
        """What makes them probabilities."""
        return "sigmoid" if self.outputs == 1 else "softmax"
