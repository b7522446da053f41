"""Words that give the label away, as where a label's name was written into the text.

Such a word is rarely known when a model is asked. Then the score is that of the leak.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy import stats
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import RidgeClassifier

from tasks.data.text.tokenizer import FIRST_WORD_ID
from tasks.data.text.vocabulary import RaggedTokens, offsets_of
from tasks.evaluation.significance import paired_test
from tasks.model.ngrams.counts import reviews_by_label, token_counts

_LEAST_PRECISION, _LEAST_RECALL = 0.9, 0.1
"""Of the words in as many of a label's packaged reviews, the best one has a precision of 0.896."""

_LEAST_GAIN, _LEVEL = 0.01, 0.001

_ID_WORDS = 4
"""Most words of an id, as `train_pos_12`."""

MOST_CHECKED = 100_000
"""Reviews are in no order, so that the first ones tell as much, and memory does not grow."""

_PLACES = ("anywhere", "first", "last")


def telling_words(
    known: RaggedTokens,
    labels: np.ndarray,
    judged: RaggedTokens,
    judged_labels: np.ndarray,
    word_of: Callable[[int], str | None],
) -> dict[str, Any] | None:
    """Return the one word of each label that gives it away, and what they bring; None without.

    A word of a label stands in at least a tenth of its training reviews and nearly nowhere else:
    anywhere, or as the first or the last word. What the words bring is measured: two logistic
    regressions, one without them, judge the other reviews. A gain that chance may explain, or of
    less than 0.01, is none. `labels` and `judged_labels` are numbers from 0 on, of shape (n,). Of
    many labels the models learn from some of the reviews, since each label costs as much again.
    """
    words = int(known.ids.max(initial=0)) + 1
    features = _features(known, words)
    found = _words_of_labels(features, labels)
    if not found:
        return None
    kept = np.ones(features.shape[1], bool)
    kept[[word + place * words for word in found for place in range(len(_PLACES))]] = False
    others = _features(judged, words)
    some = slice(MOST_CHECKED // int(labels.max(initial=1)))
    features, labels = features[some], labels[some]
    correct = _correct(features, labels, others, judged_labels)
    correct_without = _correct(features[:, kept], labels, others[:, kept], judged_labels)
    test = paired_test(correct, correct_without)
    if test.difference < _LEAST_GAIN or test.p_value > _LEVEL:
        return None
    return {
        "words": [one | {"word": word_of(word)} for word, one in found.items()],
        "accuracy": float(correct.mean()),
        "accuracy_without": float(correct_without.mean()),
        "p_value": test.p_value,
    }


def share_of_ids(known: RaggedTokens) -> float:
    """Return the share of texts that look like ids: few words, one of which no other text has."""
    words = known.where(known.ids >= FIRST_WORD_ID)
    present = _presence(words, int(known.ids.max(initial=0)) + 1)
    alone = present.getnnz(axis=0) == 1
    has_own = present @ alone
    return float(np.mean(has_own & (words.lengths() <= _ID_WORDS)))


def _words_of_labels(features: sp.csr_matrix, labels: np.ndarray) -> dict[int, dict[str, Any]]:
    """Return by its id the word of each label that has one: the one in most of its reviews."""
    reviews = np.bincount(labels)
    counts = reviews_by_label(features, labels).toarray()
    total = counts.sum(axis=0)
    found: dict[int, dict[str, Any]] = {}
    for label, of_label in enumerate(counts):
        recall = of_label / reviews[label]
        # The bound below which the precision lies in one of 40 samples (Clopper and Pearson).
        least = stats.beta.ppf(0.025, of_label, total - of_label + 1)
        elsewhere = (total - of_label) / max(1, len(labels) - reviews[label])
        tells = (least >= _LEAST_PRECISION) & (recall >= _LEAST_RECALL)
        tells &= elsewhere <= 1 - _LEAST_PRECISION
        if tells.any():
            column = int(np.argmax(np.where(tells, recall, -1)))
            place, word = divmod(column, features.shape[1] // len(_PLACES))
            found[word] = {
                "label": label,
                "place": _PLACES[place],
                "recall": float(recall[column]),
                "precision": float(of_label[column] / total[column]),
            }
    return found


def _features(reviews: RaggedTokens, words: int) -> sp.csr_matrix:
    """Return what each review has: its words, then its first one, then its last one."""
    kept = reviews.where((reviews.ids >= FIRST_WORD_ID) & (reviews.ids < words))
    some = kept.lengths() > 0
    first, last = (
        RaggedTokens(kept.ids[places[some]], offsets_of(some))
        for places in (kept.offsets[:-1], kept.offsets[1:] - 1)
    )
    return sp.hstack([_presence(part, words) for part in (kept, first, last)], format="csr")


def _presence(reviews: RaggedTokens, words: int) -> sp.csr_matrix:
    return token_counts(reviews, words, bool)


def _correct(
    features: sp.csr_matrix, labels: np.ndarray, others: sp.csr_matrix, other_labels: np.ndarray
) -> np.ndarray:
    weights = TfidfTransformer()
    model = RidgeClassifier(solver="sparse_cg", tol=1e-2)  # with many labels the fastest
    model.fit(weights.fit_transform(features), labels)
    return np.asarray(model.predict(weights.transform(others)) == other_labels)
