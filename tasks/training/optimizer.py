"""What moves the weights: the optimizer, its rate at each step, and the loss that it lowers."""

import math
from collections.abc import Callable
from typing import Any

import keras

from tasks.config.training import HAS_MOMENTUM, FitConfig, Optimizer
from tasks.model.kernels.adam import fused_adam

_OPTIMIZERS: dict[Optimizer, Callable[..., keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "lion": keras.optimizers.Lion,
}


def optimizer_of(fit: FitConfig, *, fused: bool) -> keras.optimizers.Optimizer:
    """Return the optimizer of a training; `fused` is with the Adam of the tutorial's fast step.

    See https://keras.io/api/optimizers/
    """
    options: dict[str, Any] = {"global_clipnorm": fit.clip_norm}
    if fit.weight_decay is not None:
        options["weight_decay"] = fit.weight_decay
    if fit.optimizer in HAS_MOMENTUM:
        options["momentum"] = fit.momentum
    build = _OPTIMIZERS[fit.optimizer]
    if fit.optimizer == "adam" and fused:
        build = fused_adam
    return build(fit.learning_rate, **options)


def loss_of(fit: FitConfig, outputs: int) -> keras.losses.Loss:
    """Return the cross-entropy of a network that gives so many numbers for a review.

    With `label_smoothing` of s, a label counts as 1 - s, and s is spread over all labels alike; of
    two labels the right one has 1 - s / 2. See https://arxiv.org/abs/1512.00567
    """
    smoothing = fit.label_smoothing
    if outputs == 1:
        return keras.losses.BinaryCrossentropy(label_smoothing=smoothing)
    if not smoothing:
        return keras.losses.SparseCategoricalCrossentropy()

    class SmoothedCrossentropy(keras.losses.CategoricalCrossentropy):
        def call(self, y_true: Any, y_pred: Any) -> Any:  # noqa: ANN401 - tensors of a backend
            """Return the loss of each review, whose label is a number."""
            labels = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
            return super().call(keras.ops.one_hot(labels, outputs), y_pred)

    return SmoothedCrossentropy(label_smoothing=smoothing)


def rate_at(fit: FitConfig, step: int, steps: int) -> float | None:
    """Return the rate of a step, from 0 on, in a training of `steps` an epoch.

    None where it stays what it was: with a plateau's rate, after the warm-up. The warm-up rises by
    steps of the same size; the cosine falls from there to 0 at the end of the last epoch. See
    https://arxiv.org/abs/1608.03983
    """
    warm, last = fit.warmup_epochs * steps, fit.epochs * steps
    if step < warm:
        return fit.learning_rate * (step + 1) / warm
    if fit.schedule == "cosine":
        done = (step - warm) / (last - warm)
        return fit.learning_rate * (1 + math.cos(math.pi * done)) / 2
    return fit.learning_rate if step == warm and warm else None
