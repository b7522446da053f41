"""Area under the ROC curve, with a bootstrap interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_REPLICATES = 1000


def roc_auc(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of pairs of a 1 and a 0 that the probabilities order; ties count half.

    Args:
        probabilities: Of label 1, shape (n,).
        labels: 0 or 1, both present, shape (n,).
    """
    groups, is_one = _groups(probabilities), labels > 0
    return _area(groups[is_one], groups[~is_one], int(groups.max()) + 1)


def roc_auc_interval(
    probabilities: np.ndarray, labels: np.ndarray, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval; each class is drawn anew by itself.

    Source: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993,
    chapter 13.
    """
    import numpy as np

    groups, is_one = _groups(probabilities), labels > 0
    ones, zeros, count = groups[is_one], groups[~is_one], int(groups.max()) + 1
    random = np.random.default_rng(seed)
    areas = [
        _area(
            ones[random.integers(len(ones), size=len(ones))],
            zeros[random.integers(len(zeros), size=len(zeros))],
            count,
        )
        for _ in range(_REPLICATES)
    ]
    low, high = np.quantile(areas, [0.025, 0.975]).tolist()
    return low, high


def _groups(probabilities: np.ndarray) -> np.ndarray:
    """Return the rank of each probability among the distinct ones."""
    import numpy as np

    groups: np.ndarray = np.unique(probabilities, return_inverse=True)[1]
    return groups


def _area(ones: np.ndarray, zeros: np.ndarray, groups: int) -> float:
    import numpy as np

    of_ones = np.bincount(ones, minlength=groups)
    of_zeros = np.bincount(zeros, minlength=groups)
    below = np.cumsum(of_zeros) - of_zeros
    return float(np.sum(of_ones * (below + of_zeros / 2)) / (len(ones) * len(zeros)))
