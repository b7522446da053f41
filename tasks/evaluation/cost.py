"""A cut by what mistakes cost, chosen on the validation reviews; the test reviews only judge it."""

from typing import Any

import numpy as np

from tasks.config.training import Costs
from tasks.evaluation.metrics import mean_interval, wilson_interval
from tasks.evaluation.significance import paired_difference

HALF = 0.5


def chosen_cut(probabilities: np.ndarray, labels: np.ndarray, costs: Costs) -> float:
    """Return the cut above which label 1 is the answer, by the least cost of n reviews.

    Cuts between two reviews next to each other cost the same: their middle stands for them. Of
    equally good ones it is the nearest to fp / (fp + fn), the best one of probabilities that come
    true.
    """
    given = np.concatenate([[0.0], np.sort(probabilities.astype(np.float64)), [1.0]])
    cuts = np.unique((given[1:] + given[:-1]) / 2)
    is_one = labels > 0
    ones, zeros = np.sort(probabilities[is_one]), np.sort(probabilities[~is_one])
    missed = np.searchsorted(ones, cuts, side="right")
    wrong_alarms = len(zeros) - np.searchsorted(zeros, cuts, side="right")
    total = costs.fp * wrong_alarms + costs.fn * missed
    best = cuts[np.isclose(total, total.min())]
    of_theory = costs.fp / (costs.fp + costs.fn)
    return float(best[np.abs(best - of_theory).argmin()])


def cost_facts(
    probabilities: np.ndarray, labels: np.ndarray, costs: Costs, cut: float
) -> dict[str, Any]:
    """Return what a review costs on average by a cut and by the one at 0.5, with 95 % intervals.

    `saved` is how much less the cut costs, by the same reviews.
    """
    by_cut, by_half = (_costs(probabilities, labels, costs, one) for one in (cut, HALF))
    saved = paired_difference(by_half, by_cut)
    right = int((by_cut == 0).sum())
    return {
        "cut": cut,
        **_mean("cost", by_cut, costs),
        **_mean("cost_at_half", by_half, costs),
        "saved": saved.mean,
        "saved_interval_95": [saved.low, saved.high],
        "accuracy": right / len(labels),
        "accuracy_interval_95": list(wilson_interval(right, len(labels))),
    }


def _costs(probabilities: np.ndarray, labels: np.ndarray, costs: Costs, cut: float) -> np.ndarray:
    said, is_one = probabilities > cut, labels > 0
    each: np.ndarray = costs.fp * (said & ~is_one) + costs.fn * (~said & is_one)
    return each


def _mean(name: str, each: np.ndarray, costs: Costs) -> dict[str, Any]:
    most = max(costs.fp, costs.fn)
    shares = each / most
    bounds = mean_interval(float(shares.mean()), float(shares.var() / len(each)), len(each))
    return {
        name: float(each.mean()),
        f"{name}_interval_95": [most * bound for bound in bounds],
    }
