"""Whether probabilities mean what they say: reliability by bin, calibration error, Brier score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

BINS = 10


@dataclass(frozen=True)
class ReliabilityBin:
    """Reviews whose probability of label 1 lies in one bin: how many, mean, true share."""

    reviews: int
    mean_probability: float
    share_of_ones: float


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> list[ReliabilityBin]:
    """Return the bins of equal width that hold any review, the lowest first.

    Args:
        probabilities: Of label 1, shape (n,).
        labels: 0 or 1, shape (n,).
    """
    import numpy as np

    wide = probabilities.astype(np.float64)
    numbers = np.minimum((wide * BINS).astype(int), BINS - 1)
    counts = np.bincount(numbers, minlength=BINS)
    sums = np.bincount(numbers, wide, minlength=BINS)
    ones = np.bincount(numbers, labels, minlength=BINS)
    return [
        ReliabilityBin(
            reviews=int(counts[number]),
            mean_probability=float(sums[number] / counts[number]),
            share_of_ones=float(ones[number] / counts[number]),
        )
        for number in np.flatnonzero(counts)
    ]


def expected_calibration_error(bins: list[ReliabilityBin]) -> float:
    """Return the mean distance of probability and true share, weighted by reviews.

    Source: M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated
    probabilities using Bayesian binning", AAAI 2015.
    """
    reviews = sum(part.reviews for part in bins)
    gaps = (part.reviews * abs(part.mean_probability - part.share_of_ones) for part in bins)
    return sum(gaps) / reviews


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean squared distance of probability and label, 0 is best.

    Source: G. W. Brier, "Verification of forecasts expressed in terms of probability",
    Monthly Weather Review 78 (1950), 1-3.
    """
    import numpy as np

    return float(np.mean((probabilities.astype(np.float64) - labels) ** 2))
