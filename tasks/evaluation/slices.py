"""Where a model is right: accuracy by review length and by unknown words, calibration."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.evaluation.metrics import ReliabilityBin, reliability, wilson_interval
from tasks.evaluation.significance import paired_test
from tasks.model.answers import answers

_SLICES_BY_LENGTH = 3
_SLICES_BY_UNKNOWN = 4


@dataclass(frozen=True)
class Predictions:
    """Predictions of n reviews: arrays of shape (n,), as their Parquet file holds them.

    Of more than two classes `probability` has the shape (n, classes), see `tasks.model.answers`.
    """

    review_id: np.ndarray
    label: np.ndarray
    probability: np.ndarray
    length: np.ndarray
    unknown: np.ndarray
    text_hash: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """Whether each review was judged correctly, bool of shape (n,)."""
        return judged_correctly(self.probability, self.label)

    @property
    def unknown_share(self) -> np.ndarray:
        """Share of unknown words in each review, float of shape (n,)."""
        words = np.maximum(self.length - 1, 1)  # the start id is no word
        shares: np.ndarray = self.unknown / words
        return shares


@dataclass(frozen=True)
class Slice:
    """Reviews whose value lies from `lowest` to `highest`: how many, and their accuracy."""

    lowest: float
    highest: float
    reviews: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float


def judged_correctly(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return whether the likeliest class of each review is its label, bool of shape (n,)."""
    correct: np.ndarray = answers(probabilities) == labels
    return correct


def read_predictions(path: Path) -> Predictions:
    """Return the predictions of a Parquet file in the order of their review ids."""
    table = pq.read_table(path).sort_by("review_id")
    return Predictions(**{name: _array(table[name]) for name in Predictions.__annotations__})


def _array(column: pa.ChunkedArray) -> np.ndarray:
    if not pa.types.is_fixed_size_list(column.type):
        return np.asarray(column)
    flat = np.asarray(column.combine_chunks().flatten())
    return flat.reshape(len(column), column.type.list_size)


def analyse_predictions(network: Predictions, baseline: Predictions, maxlen: int) -> dict[str, Any]:
    """Return the slices and calibration of a network, and its paired test with its baseline.

    Both judged the same reviews; those longer than `maxlen` tokens were cut for the network.
    """
    lengths, correct, is_cut = network.length, network.correct, network.length > maxlen
    parts = {"whole": ~is_cut, "cut": is_cut}
    both = {"network": network, "baseline": baseline}
    return {
        "network_against_baseline": paired_test(correct, baseline.correct).model_dump(),
        **{
            name: {
                part: _dicts(accuracy_by(lengths[chosen], correct[chosen], count))
                for part, chosen in parts.items()
            }
            for name, count in (("by_length", _SLICES_BY_LENGTH), ("by_cut", 1))
        },
        "by_unknown": _dicts(accuracy_by(network.unknown_share, correct, _SLICES_BY_UNKNOWN)),
        "reliability": {
            name: _dicts(reliability(made.probability, made.label)) for name, made in both.items()
        },
    }


def _dicts(parts: Iterable[Slice | ReliabilityBin]) -> list[dict[str, Any]]:
    return [asdict(part) for part in parts]


def accuracy_by(values: np.ndarray, correct: np.ndarray, count: int) -> list[Slice]:
    """Return the accuracy in at most `count` slices of about equal size; equal values stay in one.

    Both arrays have the shape (n,), where n may be 0.
    """
    if not len(values):
        return []
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1]))
    numbers = np.searchsorted(edges, values, side="left")
    return [
        _slice(values[numbers == number], correct[numbers == number])
        for number in np.unique(numbers)
    ]


def _slice(values: np.ndarray, correct: np.ndarray) -> Slice:
    right, reviews = int(correct.sum()), len(correct)
    low, high = wilson_interval(right, reviews)
    return Slice(float(values.min()), float(values.max()), reviews, right / reviews, low, high)
