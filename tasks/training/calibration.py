"""Calibrate: divide a network's logits by one number, so that its probabilities come true.

The number, a temperature, is that of the lowest log loss on the validation reviews. It is folded
into the last layer, so that whatever reads the network has calibrated probabilities.

Source: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks",
ICML 2017.
"""

import logging
from functools import partial

import keras
import numpy as np
import tensorflow as tf
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from tasks.common.atomic_files import whole_file
from tasks.common.records import Record
from tasks.data.review_files import padded_width, read_labels
from tasks.model.answers import of_each, probabilities_of
from tasks.model.network import TOLERANCE, keras_model
from tasks.model.own.archive import add_code, code_in
from tasks.training.datasets import ordered_batches
from tasks.training.plan import TrainingPlan

CALIBRATION = "calibration.json"

_LOG = logging.getLogger(__name__)

_WIDEST = 10.0
"""A temperature is between this and one over this."""

_SPREAD = 0.5
"""Of the logarithm of temperatures before a review is seen: measured to do least harm with 20 to
100 reviews, and to change nothing with 500."""

_DIGITS = 4
"""Kept of a temperature: what differs below that is rounding, and no difference to anybody."""

_PROBES = 64


class Calibration(Record):
    """The temperature of a network, or why it has none.

    The losses are the mean log losses of the validation reviews, before and after.
    """

    temperature: float = 1.0
    why_not: str | None = None
    fitted_on: int = 0
    loss_before: float = 0.0
    loss_after: float = 0.0

    @property
    def sentence(self) -> str:
        """What was done, for people."""
        if self.why_not is not None:
            return f"Probabilities are not calibrated: {self.why_not}."
        return (
            f"Logits are divided by {self.temperature:g}, the temperature of the lowest log loss on"
            f" {self.fitted_on:,} validation reviews ({self.loss_before:.4f} before,"
            f" {self.loss_after:.4f} after). The same reviews chose the epoch."
        )


def calibrate(plan: TrainingPlan) -> Calibration:
    """Fold the temperature into the best model of a training, and return what was done."""
    found = _calibrated(plan)
    _LOG.info("%s", found.sentence)
    return found


def _calibrated(plan: TrainingPlan) -> Calibration:
    if plan.fit.calibration == "none":
        return Calibration(why_not="the option calibration is 'none'")
    if not plan.validates_apart:
        return Calibration(why_not="the protocol has no validation reviews but the test reviews")
    model = keras_model(plan.best_model)
    last = _last_layer(model)
    if last is None:
        return Calibration(why_not="the last layer is no Dense layer with sigmoid or softmax")
    # As a graph, not by `predict`, which would compile for seconds what is computed once.
    of_any_number = tf.TensorSpec((None, padded_width(plan.validation)), tf.int32)
    answer = partial(_with_logits(model, last), training=False)
    both = tf.function(answer, input_signature=[of_any_number])
    batches = ordered_batches(plan.validation, plan.fit.evaluation_batch_size)
    each = [both(tokens)[0] for tokens, _ in batches]
    logits = probabilities_of(np.concatenate(each)).astype(np.float64)
    labels = read_labels(plan.validation)
    temperature = fitted_temperature(logits, labels)
    last.set_weights([weights / temperature for weights in last.get_weights()])
    tokens, _ = next(iter(ordered_batches(plan.validation, _PROBES)))
    folded = probabilities_of(np.asarray(both(tokens)[1]))
    expected = probabilities(logits[: len(folded)] / temperature)
    if np.abs(of_each(folded) - of_each(expected)).max() > TOLERANCE:
        return Calibration(why_not="dividing the last layer does not divide its logits")
    code = code_in(plan.best_model)
    with whole_file(plan.best_model) as temporary:
        model.save(temporary)
        if code:
            add_code(temporary, code)
    return Calibration(
        temperature=temperature,
        fitted_on=len(labels),
        loss_before=log_loss(logits, labels),
        loss_after=log_loss(logits / temperature, labels),
    )


def _last_layer(model: keras.Model) -> keras.layers.Dense | None:
    """Return the layer whose logits become the probabilities, None where there is no such one."""
    for layer in model.layers:
        if type(layer) is keras.layers.Dense and layer.output is model.outputs[0]:
            kind = "sigmoid" if layer.units == 1 else "softmax"
            return layer if layer.activation is keras.activations.get(kind) else None
    return None


def _with_logits(model: keras.Model, last: keras.layers.Dense) -> keras.Model:
    """Return the same network, which answers the logits as they are now, and the probabilities."""
    name = f"logit_of_{last.name}"  # an automatic one may be that of a layer of the user's
    bias, kind = last.use_bias, last.dtype_policy
    logit = keras.layers.Dense(last.units, use_bias=bias, dtype=kind, name=name)
    # One input and no list of one, of which Keras would warn.
    both = keras.Model(model.inputs[0], [logit(last.input), model.outputs[0]])
    logit.set_weights(last.get_weights())
    return both


def fitted_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature of the lowest log loss, the nearer to 1 the fewer the reviews.

    `logits` are float64 of shape (n,) for two labels, else (n, labels); `labels` are numbers from 0
    on. It is the likeliest one where its logarithm is normal around 0: without that, a few reviews
    that are all judged right would have a temperature of 0.
    """

    def cost(log_temperature: float) -> float:
        loss = log_loss(logits / np.exp(log_temperature), labels)
        return float(len(labels) * loss + (log_temperature / _SPREAD) ** 2 / 2)

    bounds = (-np.log(_WIDEST), np.log(_WIDEST))
    found = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-7})
    return float(f"{np.exp(found.x):.{_DIGITS}g}")


def log_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean log loss of n reviews, with no bound where an answer is certain and wrong."""
    if logits.ndim == 1:
        return float(np.logaddexp(0, np.where(labels > 0, -logits, logits)).mean())
    of_truth = logits[np.arange(len(labels)), labels.astype(np.int64)]
    return float((logsumexp(logits, axis=1) - of_truth).mean())


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities of logits, in the shapes of `tasks.model.answers`."""
    if logits.ndim == 1:
        return np.asarray(np.exp(-np.logaddexp(0, -logits)))
    return np.asarray(np.exp(logits - logsumexp(logits, axis=1, keepdims=True)))
