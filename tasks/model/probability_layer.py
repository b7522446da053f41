"""The last layer of every network: what it says of the classes."""

from typing import Any

from keras import layers

from tasks.model.answers import output_count


def probability_layer(classes: int, **options: Any) -> layers.Dense:  # noqa: ANN401 - Keras's own
    """Return the layer that gives the numbers of `tasks.model.answers`, (batch, numbers).

    Of two classes the probability of class 1, by a sigmoid; of more one for each, by a softmax.
    `options` are further ones of Keras's Dense.
    """
    outputs = output_count(classes)
    activation = "sigmoid" if outputs == 1 else "softmax"
    return layers.Dense(outputs, activation=activation, name="probability", **options)
