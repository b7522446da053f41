"""What a score is and how sure it is: ROC AUC, F1, calibration, intervals of shares and means."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tasks.evaluation.significance import scipy_stats
from tasks.model.answers import sure_and_right

BINS = 10

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class ReliabilityBin:
    """Reviews whose probability lies in one bin: how many, mean, and the share that was so."""

    reviews: int
    mean_probability: float
    share_of_ones: float


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the bounds of the 95 % Wilson score interval of a share.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", JASA 22 (1927), 209-212.

    Raises:
        ValueError: It is no share; SciPy's answer to that depends on its version.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} of {trials}: must be a share")
    found = scipy_stats().binomtest(successes, trials).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def mean_interval(mean: float, variance: float, trials: float) -> tuple[float, float]:
    """Return the bounds of the 95 % interval of a mean of numbers from 0 to 1.

    It is Wilson's, of as many trials as give a share this variance; of `trials` where it is 0.

    Source: E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small
    expected number of positive counts estimated from survey data", Survey Methodology 24 (1998),
    193-201.
    """
    trials = mean * (1 - mean) / variance if variance > 0 else trials
    middle = mean + _Z**2 / (2 * trials)
    reach = _Z * (mean * (1 - mean) / trials + (_Z / (2 * trials)) ** 2) ** 0.5
    low, high = ((middle + side * reach) / (1 + _Z**2 / trials) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)


def mean_f1(
    confusion: np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, tuple[float, float]]:
    """Return the mean of the F1 of k labels, each present, and the bounds of its 95 % interval.

    `confusion`, shape (k, k), has a row per label and a column per answer. The weights, shape (k,)
    with the sum 1, are the labels' shares of the reviews by default. The variance is that of the
    delta method: by how much each review moves the mean.

    Source: K. Takahashi, K. Yamamoto, A. Kuchiba and T. Koyama, "Confidence interval for
    micro-averaged F1 and macro-averaged F1 scores", Applied Intelligence 52 (2022), 4961-4972.
    """
    reviews = confusion.sum()
    shares = confusion.sum(axis=1) / reviews
    either = shares + confusion.sum(axis=0) / reviews
    f1 = 2 * np.diag(confusion) / reviews / either
    used = shares if weights is None else weights
    mean = float(used @ f1)
    lost = used * f1 / either
    moved = np.diag(2 * used / either) - lost[:, None] - lost
    if weights is None:
        moved += (f1 - mean)[:, None]
    variance = float((confusion * moved**2).sum() / reviews**2)
    trials = float(reviews / (2 * used**2 / either).sum())
    return mean, mean_interval(mean, variance, trials)


def roc_auc(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """Return the area under the ROC curve and the bounds of its 95 % interval, DeLong's.

    The area is the share of pairs of a 1 and a 0, both present, that the probabilities order; ties
    count half.

    Source: X. Sun and W. Xu, "Fast implementation of DeLong's algorithm for comparing the areas
    under correlated receiver operating characteristic curves", IEEE Signal Processing Letters 21
    (2014), 1389-1393.
    """
    stats = scipy_stats()
    ranks, is_one = stats.rankdata(probabilities), labels > 0
    # For each review of one label: how many of the other label are below it.
    of_ones, of_zeros = (
        ranks[chosen] - stats.rankdata(probabilities[chosen]) for chosen in (is_one, ~is_one)
    )
    pairs = len(of_ones) * len(of_zeros)
    area = float(of_ones.sum() / pairs)
    variance = sum(
        (below * len(below) / pairs).var() / max(len(below) - 1, 1) for below in (of_ones, of_zeros)
    )
    reach = float(stats.norm.ppf(0.975) * variance**0.5)
    return area, max(0.0, area - reach), min(1.0, area + reach)


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> list[ReliabilityBin]:
    """Return the bins of equal width that hold any probability, the lowest first.

    Of two classes the probabilities are those of class 1, of more those of the answers.
    """
    given, came_true = sure_and_right(probabilities, labels)
    wide = given.astype(np.float64)
    numbers = np.minimum((wide * BINS).astype(int), BINS - 1)
    counts, sums, ones = (np.bincount(numbers, of, BINS) for of in (None, wide, came_true))
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
    gaps = (part.reviews * abs(part.mean_probability - part.share_of_ones) for part in bins)
    return sum(gaps) / sum(part.reviews for part in bins)
