"""When a network is not sure enough to answer: split conformal sets of labels.

A set holds the labels whose probability is high enough, so that the true one is in it as often as
was asked for, on reviews of the same kind as those that the threshold was chosen by. The likeliest
label is always in it: an empty set would help nobody, and a larger one holds the truth no less.

Source: A. N. Angelopoulos and S. Bates, "A gentle introduction to conformal prediction and
distribution-free uncertainty quantification", 2021, https://arxiv.org/abs/2107.07511; the score is
that of M. Sadinle, J. Lei and L. Wasserman, "Least ambiguous set-valued classifiers with
bounded error levels", JASA 114 (2019), 223-234.
"""

from typing import Any

import numpy as np

from tasks.common.errors import InvalidConfigError
from tasks.common.records import Record
from tasks.evaluation.metrics import wilson_interval
from tasks.evaluation.slices import accuracy_by
from tasks.model.answers import answers, of_each

ABSTENTION = "abstention.json"

ON_TEST_REVIEWS = "the protocol of that run has no validation reviews but the test reviews"

SHOWN_LEVELS = (0.8, 0.9, 0.95, 0.99)

_LOWEST, _ONE = 500, 1000
"""Levels are thousandths, from this one to the one below one."""

_LENGTHS = 3
_CURVE_POINTS = 20


class Abstention(Record):
    """What is needed to say "unsure", chosen on the validation reviews of a run.

    `thresholds` has the largest distance of a probability to 1 that a label in a set may have, for
    each thousandth of a level from 0.5 on, as far as there are enough `reviews` for a level.
    `why_not` says why there is none.
    """

    reviews: int = 0
    thresholds: tuple[float, ...] = ()
    why_not: str | None = None

    def threshold(self, level: float) -> float:
        """Return the threshold of a level; raise an InvalidConfigError where there is none."""
        if self.why_not is not None:
            raise InvalidConfigError(f"--abstain {level:g}: {self.why_not}; leave it out")
        place = int(np.ceil(round(level * _ONE, 6))) - _LOWEST if 0 <= level <= 1 else -1
        if not 0 <= place < len(self.thresholds):
            most = (_LOWEST + len(self.thresholds) - 1) / _ONE
            raise InvalidConfigError(
                f"--abstain {level:g}: must be from {_LOWEST / _ONE:g} to {most:g}, which"
                f" {self.reviews:,} validation reviews allow"
            )
        return self.thresholds[place]


NO_ABSTENTION = Abstention(why_not="an earlier version of this project trained that model")


def chosen_thresholds(probabilities: np.ndarray, labels: np.ndarray) -> Abstention:
    """Return the thresholds by the probabilities of n reviews that the network did not learn from.

    For shapes see `tasks.model.answers`; `labels` are numbers from 0 on, of shape (n,).
    """
    reviews = len(labels)
    scores = np.sort(_scores(probabilities)[np.arange(reviews), labels.astype(np.int64)])
    # One review more, the next one, may have any place among these.
    places = [-(-(reviews + 1) * level // _ONE) for level in range(_LOWEST, _ONE)]
    chosen = tuple(float(scores[place - 1]) for place in places if place <= reviews)
    return Abstention(reviews=reviews, thresholds=chosen)


def label_sets(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Return which labels may be the true one, bool of shape (n, labels)."""
    may_be: np.ndarray = _scores(probabilities) <= threshold
    may_be[np.arange(len(may_be)), answers(probabilities)] = True
    return may_be


def _scores(probabilities: np.ndarray) -> np.ndarray:
    scores: np.ndarray = 1 - of_each(probabilities.astype(np.float64))
    return scores


def measured_sets(
    probabilities: np.ndarray, labels: np.ndarray, lengths: np.ndarray, abstention: Abstention
) -> list[dict[str, Any]]:
    """Return how often sets hold the true label of test reviews, and how often they are one label.

    For each of `SHOWN_LEVELS` that there is: the coverage, that by label and by length, the share
    of the reviews that are answered, and the accuracy of these answers; with 95 % intervals.
    """
    labels = labels.astype(np.int64)
    found = []
    for level in SHOWN_LEVELS:
        if round(level * _ONE) - _LOWEST >= len(abstention.thresholds):
            continue
        sets = label_sets(probabilities, abstention.threshold(level))
        holds, is_sure = sets[np.arange(len(labels)), labels], sets.sum(axis=1) == 1
        found.append(
            {
                "level": level,
                **_share("coverage", holds),
                **_share("answered", is_sure),
                **_share("accuracy_answered", holds[is_sure]),
                "labels_in_a_set": float(sets.sum(axis=1).mean()),
                "by_label": [
                    _share("coverage", holds[labels == label]) for label in range(sets.shape[1])
                ],
                "by_length": [
                    {
                        "lowest": part.lowest,
                        "highest": part.highest,
                        "reviews": part.reviews,
                        "coverage": part.accuracy,
                        "coverage_interval_95": [part.accuracy_low, part.accuracy_high],
                    }
                    for part in accuracy_by(lengths, holds, _LENGTHS)
                ],
            }
        )
    return found


def answered_curve(
    probabilities: np.ndarray, labels: np.ndarray, abstention: Abstention
) -> list[dict[str, Any]]:
    """Return the share of test reviews that is answered, and the accuracy of these answers.

    Over all levels that there are, by the share, the lowest first; of many shares at most
    20, from the lowest to the highest. Each has the lowest `level` of its share, and a 95 %
    interval.
    """
    # One label is in the set where the second likeliest is not.
    second = np.partition(_scores(probabilities), 1, axis=1)[:, 1]
    is_right = (answers(probabilities) == labels)[np.argsort(-second, kind="stable")]
    counts = len(second) - np.searchsorted(np.sort(second), abstention.thresholds, side="right")
    answered, places = np.unique(counts[counts > 0], return_index=True)
    if not len(answered):
        return []
    even = np.linspace(answered[0], answered[-1], _CURVE_POINTS)
    return [
        {
            "level": float(_LOWEST + places[one]) / _ONE,
            "answered": float(answered[one] / len(labels)),
            **_share("accuracy_answered", is_right[: answered[one]]),
        }
        for one in np.unique(np.searchsorted(answered, even))
    ]


def _share(name: str, holds: np.ndarray) -> dict[str, Any]:
    if not len(holds):
        return {name: None}
    count = int(holds.sum())
    bounds = list(wilson_interval(count, len(holds)))
    return {name: count / len(holds), f"{name}_interval_95": bounds}
