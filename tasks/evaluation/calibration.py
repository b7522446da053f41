"""How far probabilities are from what comes true, and what a temperature has changed about it."""

from typing import Any

import numpy as np

from tasks.common.seeds import generator
from tasks.evaluation.metrics import BINS, expected_calibration_error, reliability
from tasks.model.answers import sure_and_right

ERROR = "expected_calibration_error"

_SMALLEST = 1e-7
"""Keras's epsilon: keeps the logit of a certain answer finite."""

_DRAWS = 4000


def error_interval(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the bounds of the 95 % interval of the expected calibration error.

    The error of a sample is too large by chance alone, and that of a sample of a sample more so,
    which the basic interval of a bootstrap takes off. It begins at 0 where outcomes drawn by the
    probabilities themselves are as far off in one of twenty cases. Both are drawn bin by bin, as
    normal sums with the variance that reviews drawn again, or their outcomes, would give them. In
    simulations it holds the error of all reviews in 88 to 97 % of cases, by 500 reviews and more.

    Sources: A. C. Davison and D. V. Hinkley, *Bootstrap Methods and their Application*, 1997, 5.2;
    J. Broecker and L. A. Smith, "Increasing the reliability of reliability diagrams", Weather and
    Forecasting 22 (2007), 651-661.
    """
    given, came_true = sure_and_right(probabilities.astype(np.float64), labels)
    off, reviews = given - came_true, len(given)
    bins = np.minimum((given * BINS).astype(int), BINS - 1)
    sums, squares, by_chance = (
        np.bincount(bins, one, BINS) for one in (off, off**2, given * (1 - given))
    )
    normal = generator(0, "calibration error").standard_normal((_DRAWS, BINS))
    again = sums + normal * np.sqrt(np.maximum(squares - sums**2 / reviews, 0))
    error, errors, of_chance = (
        np.abs(one).sum(axis=-1) / reviews for one in (sums, again, normal * np.sqrt(by_chance))
    )
    low, high = 2 * error - np.quantile(errors, (0.975, 0.025))
    is_chance = error <= np.quantile(of_chance, 0.95)
    return 0.0 if is_chance else max(0.0, float(low)), max(float(error), float(high))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities whose logits are divided by `temperature`, in the same shape."""
    wide = np.clip(probabilities.astype(np.float64), _SMALLEST, 1 - _SMALLEST)
    if wide.ndim == 1:
        powers = np.stack([1 - wide, wide], axis=1) ** (1 / temperature)
        return np.asarray(powers[:, 1] / powers.sum(axis=1))
    powers = wide ** (1 / temperature)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def calibration_facts(
    probabilities: np.ndarray, labels: np.ndarray, temperature: float
) -> dict[str, Any]:
    """Return the calibration error with its interval, and both before the temperature."""
    before = tempered(probabilities, 1 / temperature)
    return {
        ERROR: expected_calibration_error(reliability(probabilities, labels)),
        f"{ERROR}_interval_95": error_interval(probabilities, labels),
        "error_before": expected_calibration_error(reliability(before, labels)),
        "error_before_interval_95": error_interval(before, labels),
    }
