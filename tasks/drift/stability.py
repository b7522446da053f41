"""Population stability index: how far two distributions over the same bins lie apart."""

import numpy as np
import scipy.sparse as sp
from scipy.stats import chi2

_PRIOR_COUNT = 0.5
"""Added to each bin, since an empty one would make the index infinite."""


def stability_index(expected: np.ndarray, observed: np.ndarray) -> float:
    """Return the sum of (q - p) ln(q / p), p and q being the shares of counts of shape (bins,).

    It is 0 for equal distributions, and the same with both exchanged. By a rule of thumb it is
    small up to 0.1 and large from 0.25 on.

    Source: N. Siddiqi, "Credit Risk Scorecards", Wiley 2006, chapter 8.
    """
    p, q = (_shares(counts) for counts in (expected, observed))
    return float(np.sum((q - p) * np.log(q / p)))


def stability_p_value(index: float, expected: int, observed: int, bins: int) -> float:
    """Return how probable an index is that is as large, where both distributions are the same.

    Over 1 / n + 1 / m, the sizes of both samples, the index is then nearly chi-squared with
    bins - 1 degrees of freedom.

    Source: B. Yurdakul and J. Naranjo, "Statistical properties of the population stability
    index", Journal of Risk Model Validation 14 (2020), 89-100.
    """
    return float(chi2.sf(index / (1 / expected + 1 / observed), bins - 1))


def decile_counts(expected: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many of both samples lie between the deciles of the first.

    Many equal numbers make fewer bins.
    """
    edges = np.unique(np.quantile(expected, np.arange(0.1, 0.95, 0.1), method="lower"))
    first, second = (
        np.bincount(np.searchsorted(edges, numbers), minlength=len(edges) + 1)
        for numbers in (expected, observed)
    )
    return first, second


def _shares(counts: np.ndarray) -> np.ndarray:
    shares: np.ndarray = (counts + _PRIOR_COUNT) / (counts.sum() + _PRIOR_COUNT * len(counts))
    return shares


PERMUTATIONS = 999
_AT_ONCE = 111
_MOST_WORDS = 1000

_FEWEST_OCCURRENCES = 50
"""A rarer word is counted with the rest, since chance alone moves its share by much."""


def word_stability(
    counts: sp.csr_matrix, is_second: np.ndarray, random: np.random.Generator
) -> tuple[float, float]:
    """Return the stability index of the words of two sets, and its p-value if they are alike.

    `counts` has the shape (n, words), `is_second` is bool of shape (n,).

    Each of the 1,000 most frequent words of both sets together is a bin, the rest is one more.
    The words of a review go together, so that no formula for single words gives the p-value;
    whole reviews change sets by chance instead, 999 times.

    Source: B. Phipson and G. K. Smyth, "Permutation p-values should never be zero", Statistical
    Applications in Genetics and Molecular Biology 9 (2010), article 39.
    """
    binned = _binned(counts)
    (index,) = _indices(binned, is_second[None, :])
    chance = [
        _indices(binned, random.permuted(is_second[None, :].repeat(_AT_ONCE, axis=0), axis=1))
        for _ in range(PERMUTATIONS // _AT_ONCE)
    ]
    as_large = sum(int((part >= index).sum()) for part in chance)
    return float(index), (1 + as_large) / (1 + PERMUTATIONS)


def _binned(counts: sp.csr_matrix) -> sp.csr_matrix:
    """Return a column for each frequent word, and one for all other words."""
    totals = np.asarray(counts.sum(axis=0)).ravel()
    frequent = np.argsort(-totals, kind="stable")[:_MOST_WORDS]
    frequent = frequent[totals[frequent] >= _FEWEST_OCCURRENCES]
    chosen = counts[:, frequent]
    rest = np.asarray(counts.sum(axis=1) - chosen.sum(axis=1))
    return sp.hstack([chosen, sp.csr_matrix(rest)], format="csr")


def _indices(counts: sp.csr_matrix, is_second: np.ndarray) -> np.ndarray:
    """Return the index for each way to part the reviews, shape (ways,)."""
    totals = np.asarray(counts.sum(axis=0)).ravel()
    second = (counts.T @ is_second.T.astype(counts.dtype)).T
    return np.asarray([stability_index(totals - part, part) for part in second])
