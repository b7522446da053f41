"""Population stability index: how far two distributions over the same bins lie apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_PRIOR_COUNT = 0.5
"""Added to each bin, since an empty one would make the index infinite."""


def stability_index(expected: np.ndarray, observed: np.ndarray) -> float:
    """Return the sum of (q - p) ln(q / p) over the bins, p and q being their shares.

    It is 0 for equal distributions, and the same with both exchanged. By a rule of thumb it is
    small up to 0.1 and large from 0.25 on.

    Source: N. Siddiqi, "Credit Risk Scorecards", Wiley 2006, chapter 8.

    Args:
        expected: Counts, shape (bins,).
        observed: Counts, shape (bins,).
    """
    import numpy as np

    p, q = (_shares(counts) for counts in (expected, observed))
    return float(np.sum((q - p) * np.log(q / p)))


def stability_p_value(index: float, expected: int, observed: int, bins: int) -> float:
    """Return how probable an index is that is as large, where both distributions are the same.

    Over 1 / n + 1 / m the index is then nearly chi-squared with bins - 1 degrees of freedom.

    Source: B. Yurdakul and J. Naranjo, "Statistical properties of the population stability
    index", Journal of Risk Model Validation 14 (2020), 89-100.

    Args:
        index: The stability index.
        expected: Size n of one sample.
        observed: Size m of the other.
        bins: Over which it was summed.
    """
    from scipy.stats import chi2

    return float(chi2.sf(index / (1 / expected + 1 / observed), bins - 1))


def decile_counts(expected: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many of both samples lie between the deciles of the first.

    Args:
        expected: Numbers, shape (n,); many equal ones make fewer bins.
        observed: Numbers, shape (m,).
    """
    import numpy as np

    edges = np.unique(np.quantile(expected, np.arange(0.1, 0.95, 0.1), method="lower"))
    first, second = (
        np.bincount(np.searchsorted(edges, numbers), minlength=len(edges) + 1)
        for numbers in (expected, observed)
    )
    return first, second


def _shares(counts: np.ndarray) -> np.ndarray:
    shares: np.ndarray = (counts + _PRIOR_COUNT) / (counts.sum() + _PRIOR_COUNT * len(counts))
    return shares
