"""Where a model is right: accuracy by review length and by unknown words, calibration.

And where it is worse than elsewhere: slices of the test reviews, each against the rest.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.data.review_files import write_table
from tasks.evaluation.metrics import ReliabilityBin, reliability, wilson_interval
from tasks.evaluation.significance import LEVEL, SliceScore, holm, paired_test, scipy_stats
from tasks.model.answers import answers

_SLICES_BY_LENGTH = 3
_SLICES_BY_UNKNOWN = 4

_PARTS = 4
_MOST_VALUES = 8
_LONGEST_NAME = 40


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
    numbers = _part_numbers(values, count)
    return [
        _slice(values[numbers == number], correct[numbers == number])
        for number in np.unique(numbers)
    ]


def _part_numbers(values: np.ndarray, count: int) -> np.ndarray:
    """Return in which of at most `count` parts of about equal size each value is."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1]))
    return np.searchsorted(edges, values, side="left")


def _slice(values: np.ndarray, correct: np.ndarray) -> Slice:
    right, reviews = int(correct.sum()), len(correct)
    low, high = wilson_interval(right, reviews)
    return Slice(float(values.min()), float(values.max()), reviews, right / reviews, low, high)


Groups = Mapping[str, Sequence[str]]
"""By what n reviews are sliced, and the name of the slice of each one."""


def slice_groups(
    predictions: Predictions, names: Sequence[str], columns: Mapping[str, Sequence[str]]
) -> Groups:
    """Return the slices by label, length, unknown words and the user's columns.

    `names` are those of the labels; a column has the text of each of the n reviews.
    """
    return {
        "label": [names[label] for label in predictions.label],
        "tokens": _quarters(predictions.length.astype(float), "{:.0f}"),
        "unknown words, %": _quarters(100 * predictions.unknown_share, "{:.1f}"),
    } | {
        column: _groups([value.strip() or "(empty)" for value in values])
        for column, values in columns.items()
    }


def write_slices(groups: Groups, path: Path) -> None:
    """Write the slices of the reviews, in the order of their ids."""
    columns = {by: pa.array(of, pa.string()).dictionary_encode() for by, of in groups.items()}
    write_table(path, pa.table(columns))


def read_slices(path: Path) -> dict[str, np.ndarray]:
    """Return what `write_slices` wrote, arrays of text of shape (n,)."""
    table = pq.read_table(path)
    return {by: np.array(table[by].to_pylist(), object) for by in table.column_names}


def slice_scores(correct: np.ndarray, groups: Groups) -> list[SliceScore]:
    """Return the accuracy of each slice of n reviews, of which these were judged correctly.

    Of all that they are sliced by the slice with the lowest accuracy comes first. A slice is worse
    where the one-sided exact test of Fisher of it against all other reviews says so at the level
    0.05, corrected for the number of slices.
    """
    slices = [
        (by, name, is_in)
        for by, of in groups.items()
        for name, is_in in _masks(of)
        if not is_in.all()
    ]
    tables = [(_counts(correct[is_in]), _counts(correct[~is_in])) for _, _, is_in in slices]
    exact = scipy_stats().fisher_exact
    found = holm([float(exact(table, alternative="less").pvalue) for table in tables])
    scores = []
    for (by, name, _), ((right, wrong), (others, failed)), p_value in zip(
        slices, tables, found, strict=True
    ):
        low, high = wilson_interval(right, right + wrong)
        score = SliceScore(
            by=by,
            name=name,
            reviews=right + wrong,
            accuracy=right / (right + wrong),
            accuracy_low=low,
            accuracy_high=high,
            rest=others / (others + failed),
            p_value=p_value,
            is_worse=p_value <= LEVEL,
        )
        scores.append(score)
    places = {one.by: place for place, one in reversed([*enumerate(scores)])}
    return sorted(scores, key=lambda one: (places[one.by], one.accuracy))


def _counts(correct: np.ndarray) -> tuple[int, int]:
    right = int(correct.sum())
    return right, len(correct) - right


def _groups(values: list[str]) -> list[str]:
    """Return the slice of each value of a column: itself, a quarter of numbers, or "other"."""
    counts = Counter(values)
    if len(counts) > _MOST_VALUES:
        try:
            return _quarters(np.array([float(value) for value in values]), "{:g}")
        except ValueError:
            kept = {value for value, _ in counts.most_common(_MOST_VALUES - 1)}
            other = f"other ({len(counts) - len(kept):,} values)"
            values = [value if value in kept else other for value in values]
    return [v if len(v) <= _LONGEST_NAME else f"{v[: _LONGEST_NAME - 1]}…" for v in values]


def _quarters(values: np.ndarray, form: str) -> list[str]:
    """Return by their bounds the quarters in which numbers lie; equal ones are in one."""
    numbers = _part_numbers(values, _PARTS)
    titles = {
        number: f"{form.format(part.min())} to {form.format(part.max())}"
        for number in np.unique(numbers).tolist()
        for part in (values[numbers == number],)
    }
    return [titles[number] for number in numbers.tolist()]


def _masks(groups: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    of = np.asarray(groups, dtype=object)
    for name in dict.fromkeys(groups):
        yield name, of == name
