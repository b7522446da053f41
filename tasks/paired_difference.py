"""By how much two means of several seeds differ that judged the same reviews."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

from tasks.records import Record

if TYPE_CHECKING:
    import numpy as np

_CONFIDENCE = 0.95


class PairedDifference(Record):
    """A difference of accuracies, and the 95 % interval that it has over reviews."""

    mean: float
    low: float
    high: float


def paired_difference(first: np.ndarray, second: np.ndarray) -> PairedDifference:
    """Return by how much the first accuracy exceeds the second, review by review.

    The interval is the normal one of a mean of differences. It holds for these very models on
    other reviews of the same kind, and says nothing of other seeds.

    Args:
        first: Share of the seeds that judged each review rightly, float of shape (n,).
        second: The same of the other config, in the same order.
    """
    differences = first - second
    reach = NormalDist().inv_cdf((1 + _CONFIDENCE) / 2) * differences.std() / len(first) ** 0.5
    mean = float(differences.mean())
    return PairedDifference(mean=mean, low=mean - float(reach), high=mean + float(reach))
