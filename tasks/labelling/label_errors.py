"""Training labels that are likely wrong, by models that have not learned from them.

Confident learning: C. G. Northcutt, L. Jiang and I. L. Chuang, "Confident Learning: Estimating
Uncertainty in Dataset Labels", JAIR 70 (2021), 1373-1411 (https://arxiv.org/abs/1911.00068).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import softmax

from tasks.common.errors import BadDataError
from tasks.config.training import TokenizerName
from tasks.data.split import fold_numbers
from tasks.data.tables.labels import shown
from tasks.evaluation.baselines import bayes_probabilities
from tasks.model.answers import of_each

_LENGTH_POWER = 0.25
"""Naive Bayes takes n-grams for independent, so that its odds grow with the length of a review; by
this power of it they are made smaller. On planted errors it finds a twentieth more."""

_LEAST = 1e-15

_SHARE_OF_BAYES = 1 / 3
"""Of two judges naive Bayes has half the weight of the network: of the ways to put them together
this one found the most errors of those planted by the seed 0."""

Judge = Callable[[pa.Table, np.ndarray], np.ndarray]
"""Learns from those of n reviews that are not judged, and returns what it gives for the others.

It takes the columns of a file of reviews, and which are judged, bool of shape (n,).
"""


@dataclass(frozen=True)
class DoubtedLabels:
    """The m of n reviews whose label is doubted, the most doubtful first.

    Of shape (m,) are `rows`, the places of the reviews, `suggested`, the class that they seem to
    have, and `scores`, the probability of the label that they have. `wrong` is how many of all n
    labels are estimated to be wrong.
    """

    rows: np.ndarray
    suggested: np.ndarray
    scores: np.ndarray
    wrong: int


def bayes_judge(tokenizer: TokenizerName) -> Judge:
    """Return the naive Bayes baseline as a judge."""

    def judge(reviews: pa.Table, is_judged: np.ndarray) -> np.ndarray:
        tokens, labels = reviews["tokens"], reviews["label"].to_numpy()[~is_judged]
        judged = tokens.filter(pa.array(is_judged))
        return bayes_probabilities(tokens, ~is_judged, labels, [judged], tokenizer)

    return judge


def out_of_fold(train: Path, names: Sequence[str], folds: int, judge: Judge) -> np.ndarray:
    """Return the probability of each class, shape (n, classes), by models that saw other folds.

    The reviews are those of a Parquet file. A unit, as the reviews of a group or of the same words,
    is never in two folds. A BadDataError says that a label is in one fold alone.
    """
    reviews = pq.read_table(train)
    labels, fold_of = reviews["label"].to_numpy(), fold_numbers(reviews["unit"].to_numpy(), folds)
    found = np.empty((len(labels), len(names)))
    for fold in range(folds):
        is_judged = fold_of == fold
        known = labels[~is_judged]
        if lacking := [name for label, name in enumerate(names) if label not in known]:
            raise BadDataError(
                f"{shown(lacking)}: has reviews in one of {folds} folds alone, so that no model can"
                " learn it from the others; add reviews, or leave the label out with --drop-labels"
            )
        if is_judged.any():
            found[is_judged] = of_each(judge(reviews, is_judged))
    return found


def together(bayes: np.ndarray, network: np.ndarray) -> np.ndarray:
    """Return what two judges say together, by the mean of their log odds, shape (n, classes).

    The probabilities of each class of naive Bayes and of the network have the same shape.
    """
    logs = (np.log(np.maximum(one, _LEAST)) for one in (bayes, network))
    mean = np.average(list(logs), axis=0, weights=(_SHARE_OF_BAYES, 1 - _SHARE_OF_BAYES))
    found: np.ndarray = softmax(mean, axis=1)
    return found


def doubted_labels(
    probabilities: np.ndarray, labels: np.ndarray, lengths: np.ndarray
) -> DoubtedLabels:
    """Return which labels are doubted, given the probability of each class, shape (n, classes).

    A label is doubted where the likeliest of the classes that are as probable as they are on
    average where they are the label is another one. Each class is some review's label. `labels` and
    `lengths`, the tokens of each review, have the shape (n,).
    """
    each = np.arange(len(labels))
    of_label = probabilities[each, labels]
    counts = np.bincount(labels)
    usual = np.bincount(labels, of_label) / counts
    sure = np.where(probabilities >= usual, probabilities, -1.0)
    seems, is_sure = sure.argmax(axis=1), sure.max(axis=1) >= 0
    rows = np.flatnonzero(is_sure & (seems != labels))
    odds = np.log(np.maximum(of_label[rows], _LEAST)) - np.log(probabilities[rows, seems[rows]])
    rows = rows[np.argsort(odds / lengths[rows] ** _LENGTH_POWER, kind="stable")]
    # Of each label the share of its sure reviews that seem something else, for all its reviews.
    doubted, certain = (np.bincount(labels[of], minlength=len(counts)) for of in (rows, is_sure))
    wrong = round(float((counts * doubted / np.maximum(certain, 1)).sum()))
    return DoubtedLabels(rows, seems[rows], of_label[rows], wrong)
