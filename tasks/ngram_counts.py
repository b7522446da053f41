"""Count word n-grams by label, and choose and weigh those that a table keeps.

The weights are the log-count ratios of a naive Bayes classifier on the presence of n-grams, see
Wang and Manning, *Baselines and Bigrams*, ACL 2012 (https://aclanthology.org/P12-2018/).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_MOST_COUNTED = 20_000_000
"""N-grams that are counted at a time, 500 MB; beyond, the rarest are forgotten."""


@dataclass(frozen=True)
class NgramTable:
    """The k n-grams that are kept: int64 `codes` and float32 `ratios` of shape (k,)."""

    codes: np.ndarray
    ratios: np.ndarray


class NgramCounts:
    """In how many reviews of each label an n-gram occurs; takes the reviews part by part."""

    def __init__(self, most: int = _MOST_COUNTED) -> None:
        """Begin with nothing.

        Args:
            most: N-grams to count at a time. Once there are more, those in the fewest reviews so
                far are forgotten, as lossy counting does (Manku and Motwani, VLDB 2002).
        """
        import numpy as np

        self._most, self._forgotten_below = most, 1
        self.codes = np.empty(0, np.int64)
        self.reviews = np.empty((0, 2), np.int64)

    def add(self, codes: np.ndarray, labels: np.ndarray) -> None:
        """Count the n-grams of n reviews, each once in a review.

        Args:
            codes: int64 of shape (n, m), 0 for none.
            labels: 0 or 1, shape (n,).
        """
        import numpy as np

        ordered = np.sort(codes, axis=1)
        counts = ordered > 0
        counts[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
        of_one = np.broadcast_to(labels[:, None] > 0, ordered.shape)[counts]
        new = np.stack([~of_one, of_one], axis=1).astype(np.int64)
        together = np.concatenate([self.codes, ordered[counts]])
        order = np.argsort(together, kind="stable")
        together = together[order]
        starts = np.flatnonzero(np.diff(together, prepend=-1))
        self.codes = together[starts]
        counted = np.concatenate([self.reviews, new])[order]
        self.reviews = np.add.reduceat(counted, starts) if len(starts) else counted
        while len(self.codes) > self._most:
            self._forgotten_below += 1
            self._keep(self.reviews.sum(axis=1) >= self._forgotten_below)

    def _keep(self, chosen: np.ndarray) -> None:
        self.codes, self.reviews = self.codes[chosen], self.reviews[chosen]

    def table(self, buckets: np.ndarray, least_reviews: int, smoothing: float) -> NgramTable:
        """Return the n-gram of each bucket that occurs in the most reviews, with its ratio.

        Args:
            buckets: Of each of `codes`; two n-grams in one bucket cannot both be kept.
            least_reviews: Fewest reviews that an n-gram has to occur in.
            smoothing: Reviews of each label to add to the counts; more of them make the ratios of
                rare n-grams smaller.
        """
        import numpy as np

        total = self.reviews.sum(axis=1)
        known = np.flatnonzero(total >= least_reviews)
        # Of equally frequent ones the smallest code, so that the order of reviews changes nothing.
        known = known[np.lexsort((self.codes[known], -total[known], buckets[known]))]
        kept = np.sort(known[np.flatnonzero(np.diff(buckets[known], prepend=-1))])
        zeros, ones = self.reviews[kept].T + smoothing
        ratios = np.log((ones / ones.sum()) / (zeros / zeros.sum()))
        return NgramTable(self.codes[kept], ratios.astype(np.float32))
