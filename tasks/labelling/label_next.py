"""Which unlabelled texts would teach a model most, and by how much, tried on labels that are known.

Uncertain texts that differ: maximal marginal relevance, J. Carbonell and J. Goldstein, SIGIR 1998
(https://doi.org/10.1145/290941.291025), with uncertainty for relevance.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from sklearn.feature_extraction.text import TfidfTransformer

from tasks.common.seeds import generator
from tasks.config.training import TokenizerName
from tasks.evaluation.baselines import bayes_probabilities, word_counts
from tasks.evaluation.significance import scipy_stats
from tasks.model.answers import answers, of_each

_CANDIDATES = 3
"""Uncertain texts that are looked at for each that is chosen."""

_REPETITIONS = 10

_BEGINNING = 0.25
"""Share of the labelled reviews that the models of the back-test begin with."""


@dataclass(frozen=True)
class BackTest:
    """What the choice brings, tried on labels that are known.

    From `beginning` labelled reviews on, `rows` more are labelled: those chosen, or others drawn.
    `chosen` and `drawn` are the mean accuracies on `judged` held-back reviews; `low` and `high`
    bound the 95 % interval of the difference over repetitions with other beginnings (Student's t).
    """

    beginning: int
    rows: int
    judged: int
    chosen: float
    drawn: float
    low: float
    high: float


def rows_that_teach(probabilities: np.ndarray, texts: pa.ChunkedArray, rows: int) -> np.ndarray:
    """Return the places of at most `rows` of n texts, the one to label first before.

    `probabilities` has the shape (n, classes), `texts` are lists of tokens. Each next one is
    uncertain, and unlike those before: its margin and its cosine of TF-IDF are weighed alike.
    """
    likeliest = np.sort(probabilities, axis=1)[:, -2:]
    uncertainty = 1 - (likeliest[:, 1] - likeliest[:, 0])
    candidates = np.argsort(-uncertainty, kind="stable")[: _CANDIDATES * rows]
    words = TfidfTransformer().fit_transform(word_counts(texts.take(pa.array(candidates))))
    worth, nearest, chosen = uncertainty[candidates], np.zeros(len(candidates)), list[int]()
    while len(chosen) < min(rows, len(candidates)):
        score = worth * (1 - nearest)
        score[chosen] = -1
        chosen.append(int(np.argmax(score)))
        nearest = np.maximum(nearest, (words @ words[chosen[-1]].T).toarray()[:, 0])
    return np.asarray(candidates[chosen])


def back_test(
    known: tuple[pa.ChunkedArray, np.ndarray],
    judged: tuple[pa.ChunkedArray, np.ndarray],
    rows: int,
    tokenizer: TokenizerName,
) -> BackTest | None:
    """Return what the choice brings; None where the labelled reviews are too few to try it.

    `known` and `judged` are the tokens and the labels of reviews; those of `judged` are held back.
    """
    tokens, labels = known

    def learned(rows: np.ndarray, texts: pa.ChunkedArray) -> np.ndarray:
        """Return what a model gives for texts that has learned from some rows."""
        learns = np.zeros(len(labels), bool)
        learns[rows] = True
        return bayes_probabilities(tokens, learns, labels[learns], [texts], tokenizer)

    def accuracy(rows: np.ndarray) -> float:
        return float(np.mean(answers(learned(rows, judged[0])) == judged[1]))

    beginning = int(_BEGINNING * len(labels))
    rows = min(rows, (len(labels) - beginning) // 2)
    scores = []
    for repetition in range(_REPETITIONS):
        order = generator(repetition, "back-test").permutation(len(labels))
        first, pool = order[:beginning], order[beginning:]
        if rows < 1 or len(set(labels[first])) < len(set(labels)):
            return None
        unlabelled = tokens.take(pa.array(pool))
        sure = of_each(learned(first, unlabelled))
        ways = (pool[rows_that_teach(sure, unlabelled, rows)], pool[:rows])
        scores.append([accuracy(np.concatenate([first, more])) for more in ways])
    chosen, drawn = np.mean(scores, axis=0)
    differences = np.subtract(*np.transpose(scores))
    spread = float(differences.std(ddof=1)) / _REPETITIONS**0.5
    reach = float(scipy_stats().t.ppf(0.975, _REPETITIONS - 1)) * spread
    gain = float(chosen - drawn)
    counts = (beginning, rows, len(judged[1]))
    return BackTest(*counts, float(chosen), float(drawn), gain - reach, gain + reach)
