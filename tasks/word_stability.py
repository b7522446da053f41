"""Whether two sets of reviews use the same words equally often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.population_stability import stability_index

if TYPE_CHECKING:
    import numpy as np
    import scipy.sparse as sp

PERMUTATIONS = 999
_AT_ONCE = 111
_MOST_WORDS = 1000
_FEWEST_OCCURRENCES = 50
"""A rarer word is counted with the rest, since chance alone moves its share by much."""


def word_stability(
    counts: sp.csr_matrix, is_second: np.ndarray, random: np.random.Generator
) -> tuple[float, float]:
    """Return the stability index of the words of two sets, and its p-value if they are alike.

    Each of the 1,000 most frequent words of both sets together is a bin, the rest is one more.
    The words of a review go together, so that no formula for single words gives the p-value;
    whole reviews change sets by chance instead, 999 times.

    Source: B. Phipson and G. K. Smyth, "Permutation p-values should never be zero", Statistical
    Applications in Genetics and Molecular Biology 9 (2010), article 39.

    Args:
        counts: How often each word occurs in each review, shape (n, words).
        is_second: Whether a review is from the second set, bool, shape (n,).
        random: Draws the permutations.
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
    import numpy as np
    import scipy.sparse as sp

    totals = np.asarray(counts.sum(axis=0)).ravel()
    frequent = np.argsort(-totals, kind="stable")[:_MOST_WORDS]
    frequent = frequent[totals[frequent] >= _FEWEST_OCCURRENCES]
    chosen = counts[:, frequent]
    rest = np.asarray(counts.sum(axis=1) - chosen.sum(axis=1))
    return sp.hstack([chosen, sp.csr_matrix(rest)], format="csr")


def _indices(counts: sp.csr_matrix, is_second: np.ndarray) -> np.ndarray:
    """Return the index for each way to part the reviews, shape (ways,)."""
    import numpy as np

    totals = np.asarray(counts.sum(axis=0)).ravel()
    second = (counts.T @ is_second.T.astype(counts.dtype)).T
    return np.asarray([stability_index(totals - part, part) for part in second])
