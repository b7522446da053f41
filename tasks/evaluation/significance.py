"""By how much two means of several seeds differ that judged the same reviews.

Of many tests some find a difference by chance: their p-values are corrected for their number by S.
Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
6 (1979), 65-70.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from tasks.common.formatting import signed
from tasks.common.records import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

LEVEL = 0.05
"""Of the tests of slices: a corrected p-value up to it is said to be a difference."""


def scipy_stats() -> Any:  # noqa: ANN401 - a module
    """Return `scipy.stats`, whose import takes a second that most commands can do without."""
    from scipy import stats

    return stats


class PairedDifference(Record):
    """A difference of accuracies, and the 95 % interval that it has over reviews."""

    mean: float
    low: float
    high: float


def paired_difference(first: np.ndarray, second: np.ndarray) -> PairedDifference:
    """Return by how much the first accuracy exceeds the second, review by review.

    Both are, for each review in the same order, the share of the seeds that judged it correctly,
    float of shape (n,). The interval is the normal one of a mean of differences. It holds for these
    very models on other reviews of the same kind, and says nothing of other seeds.
    """
    differences = first - second
    mean, reach = float(differences.mean()), _reach(0.05, differences.std() / len(first) ** 0.5)
    return PairedDifference(mean=mean, low=mean - reach, high=mean + reach)


class SliceScore(Record):
    """The accuracy of the reviews that have one value `name` of what they are sliced `by`.

    `rest` is that of all others. `p_value` is that of being no worse than these, corrected for the
    number of slices.
    """

    by: str
    name: str
    reviews: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    rest: float
    p_value: float
    is_worse: bool


class PairedTest(Record):
    """Two models on the same reviews: who alone was right how often, and what follows.

    `both_right` is None in a log of an earlier version.
    """

    reviews: int
    both_right: int | None = None
    only_first_right: int
    only_second_right: int
    p_value: float
    difference: float
    difference_low: float
    difference_high: float

    @property
    def accuracies(self) -> tuple[float, float] | None:
        """That of the first model and that of the second one, where it is known."""
        if self.both_right is None:
            return None
        first, second = self.only_first_right, self.only_second_right
        return (self.both_right + first) / self.reviews, (self.both_right + second) / self.reviews


def paired_test(first_correct: np.ndarray, second_correct: np.ndarray) -> PairedTest:
    """Return the test of two models with equal accuracy, and by how much the first is better.

    Both arrays are bool of shape (n,), in the same order of reviews.
    """
    first = int((first_correct & ~second_correct).sum())
    second = int((second_correct & ~first_correct).sum())
    reviews = len(first_correct)
    low, high = difference_interval(first, second, reviews)
    return PairedTest(
        reviews=reviews,
        both_right=int((first_correct & second_correct).sum()),
        only_first_right=first,
        only_second_right=second,
        p_value=mcnemar_p_value(first, second),
        difference=(first - second) / reviews,
        difference_low=low,
        difference_high=high,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values of m tests, corrected so that any false one has the chance they say."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, highest = list(p_values), 0.0
    for left, place in zip(range(len(order), 0, -1), order, strict=True):
        highest = min(1.0, max(highest, left * p_values[place]))
        corrected[place] = highest
    return corrected


def mcnemar_p_value(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p-value, binomial with one half, for any counts.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12 (1947), 153-157.
    """
    discordant = only_first + only_second
    if not discordant:
        return 1.0
    return float(scipy_stats().binomtest(min(only_first, only_second), discordant).pvalue)


def difference_interval(
    only_first: int, only_second: int, reviews: int, level: float = 0.05
) -> tuple[float, float]:
    """Return the interval of the difference of two paired accuracies; the 95 % one by default.

    `level` is the share of such intervals that miss the true difference, half on each side.

    Source: D. G. Bonett and R. M. Price, "Adjusted Wald confidence interval for a difference
    of binomial proportions based on paired data", JEBS 37 (2012), 479-488.
    """
    first, second = (only_first + 1) / (reviews + 2), (only_second + 1) / (reviews + 2)
    difference = first - second
    reach = _reach(level, ((first + second - difference**2) / (reviews + 2)) ** 0.5)
    return max(-1.0, difference - reach), min(1.0, difference + reach)


def _reach(level: float, error: float) -> float:
    """Return how far a normal interval reaches on either side, of which this share misses."""
    return NormalDist().inv_cdf(1 - level / 2) * float(error)


def difference_text(test: PairedTest) -> str:
    """Return a difference of accuracies with its interval."""
    bounds = f"{signed(test.difference_low)} to {signed(test.difference_high)}"
    return f"{signed(test.difference)} ({bounds})"
