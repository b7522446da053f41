"""Baselines: what linear models score that learned from the same reviews in seconds.

A network that costs minutes has to beat them. Both are logistic regressions, on whole reviews and
all words, or on what a network sees of them. The first one has TF-IDF weighted words and
scikit-learn's defaults, see
https://scikit-learn.org/stable/modules/feature_extraction.html#tfidf-term-weighting. The second
one has the presence of words and pairs of words, each times its naive Bayes log-count ratio: Wang
and Manning, *Baselines and Bigrams*, ACL 2012 (https://aclanthology.org/P12-2018/).
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from tasks.common.artifact_store import Fact
from tasks.common.records import write_json
from tasks.config.training import BaselineConfig, ProtocolConfig, TokenizerName
from tasks.data.review_files import (
    count_reviews,
    read_column,
    read_labels,
    read_parquet,
    rebatched,
)
from tasks.data.split import validation_mask
from tasks.data.text.tokenizer import FIRST_WORD_ID
from tasks.data.text.vocabulary import RaggedTokens, Vocabulary
from tasks.evaluation.scoring import accuracy_facts, score, write_predictions
from tasks.evaluation.telling_words import MOST_CHECKED, share_of_ids, telling_words
from tasks.model.answers import classes_given, given_of, probabilities_of
from tasks.model.ngrams.counts import (
    log_count_ratios,
    ngram_presence,
    reviews_by_label,
    token_counts,
)

BASELINE_NAME = "TF-IDF + logistic regression"
BAYES_NAME = "naive Bayes n-grams + logistic regression"
_MOST_ITERATIONS = 1000

_JUDGED_AT_ONCE = 10_000

_LONGEST: dict[TokenizerName, int] = {"words": 2, "subwords": 2, "characters": 4}
"""Tokens of the longest n-gram; with three words it scores the same and takes twice as long."""


def train_baseline(
    train: Path,
    test: Path,
    protocol: ProtocolConfig | None,
    described: dict[str, str],
    folder: Path,
    names: Sequence[str] = (),
    tokenizer: TokenizerName = "words",
    vocabulary: Path | None = None,
    most: int = BaselineConfig().baseline_reviews,
) -> dict[str, Fact]:
    """Write `baseline_metrics.json` and `baseline_predictions.parquet` of both baselines.

    As the network they do not learn from the validation reviews of the protocol. Without a protocol
    all reviews teach, as those do that a network sees: the validation reviews are not among them.
    `names` are those of the labels. Of characters, which alone tell little, both see the n-grams.
    With a vocabulary the first metrics say whether words give the label away, and which share of
    the texts look like ids.
    The facts are name, accuracy and the bounds of its 95 % interval. Files and facts of the second
    baseline have `bayes_` before their names.

    Of more reviews than `most` they learn from a sample, see `sample_of`; then metrics and facts
    also have `learned_from` and `training_reviews`, how many these are and of how many.
    """
    labels = read_labels(train)
    learns = np.ones(len(labels), bool)
    if protocol is not None:
        learns = ~validation_mask(read_column(train, "unit"), labels, protocol, names)
        described = described | {"protocol": protocol.protocol}
    sampled: dict[str, int] = {}
    training_reviews = int(np.sum(learns))
    if training_reviews > most:
        taken = sample_of(learns, labels, most)
        known, learns = _reviews_at(train, taken), np.ones(len(taken), bool)
        sampled = {"learned_from": len(taken), "training_reviews": training_reviews}
    else:
        known = pq.read_table(train, columns=["tokens", "label"])
    labels = known["label"].to_numpy()[learns]
    checked = min(MOST_CHECKED, most) if sampled else MOST_CHECKED
    leaks = _leaks(known, test, learns, vocabulary, checked) if vocabulary else {}
    facts: dict[str, Fact] = {}
    truth = read_labels(test)
    for prefix, name, model, more in (
        ("", BASELINE_NAME, _tfidf_probabilities, leaks),
        ("bayes_", BAYES_NAME, bayes_probabilities, {}),
    ):
        probabilities = model(known["tokens"], learns, labels, _Judged(test), tokenizer)
        metrics = score(probabilities, truth, names)
        content = metrics | described | {"name": name} | sampled | more
        write_json(folder / f"{prefix}baseline_metrics.json", content)
        write_predictions(test, probabilities, folder / f"{prefix}baseline_predictions.parquet")
        found = {"name": name} | accuracy_facts(metrics) | sampled
        facts |= {f"{prefix}{key}": value for key, value in found.items()}
    return facts


def sample_of(learns: np.ndarray, labels: np.ndarray, most: int) -> np.ndarray:
    """Return the rows of a sample of those that teach, ascending.

    The first `most` of them are one, since `load` has put the rows in a random order. Of a label
    that is not among these the first review is added. `learns` and `labels` have the shape (n,).
    """
    rows = np.flatnonzero(learns)
    _, first = np.unique(labels[rows], return_index=True)
    return np.union1d(rows[:most], rows[first])


def _reviews_at(path: Path, rows: np.ndarray) -> pa.Table:
    """Return the reviews in these ascending rows of a file; the rows after them are not read."""
    parts, start = [], 0
    for batch in read_parquet(path):
        begin, end = np.searchsorted(rows, [start, start + len(batch)])
        parts.append(batch.take(pa.array(rows[begin:end] - start)))
        start += len(batch)
        if end == len(rows):
            break
    return pa.Table.from_batches(parts)


def _leaks(
    known: pa.Table, test: Path, learns: np.ndarray, vocabulary: Path, most: int
) -> dict[str, Any]:
    """Return what gives labels away in the reviews that teach, by at most so many of each set."""
    judged = _reviews_at(test, np.arange(min(most, count_reviews(test))))
    parts = known.take(np.flatnonzero(learns)[:most]), judged
    seen, others = (
        (RaggedTokens.of(part["tokens"].combine_chunks()), part["label"].to_numpy())
        for part in parts
    )
    return {
        "telling": telling_words(*seen, *others, Vocabulary.read(vocabulary).word),
        "share_of_ids": share_of_ids(seen[0]),
    }


class _Judged:
    """The tokens of the reviews of a file, batch by batch and as often as asked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[pa.ChunkedArray]:
        for batch in rebatched(read_parquet(self._path), _JUDGED_AT_ONCE):
            yield pa.chunked_array([batch["tokens"]])


def _tfidf_probabilities(
    known: pa.ChunkedArray,
    learns: np.ndarray,
    labels: np.ndarray,
    judged: Iterable[pa.ChunkedArray],
    tokenizer: TokenizerName,
) -> np.ndarray:
    """Return the probabilities of n reviews by the first baseline."""
    longest = _LONGEST[tokenizer]

    def counted(reviews: pa.ChunkedArray, words: int | None = None) -> sp.csr_matrix:
        if tokenizer == "characters":
            return ngram_presence(reviews, longest)
        return word_counts(reviews, words)

    counts = counted(known)[learns]
    weights = TfidfTransformer()
    model = LogisticRegression(max_iter=_MOST_ITERATIONS)
    model.fit(weights.fit_transform(counts), labels)
    parts = (weights.transform(counted(part, counts.shape[1])) for part in judged)
    return given_of(np.concatenate([model.predict_proba(part) for part in parts]))


def bayes_probabilities(
    known: pa.ChunkedArray,
    learns: np.ndarray,
    labels: np.ndarray,
    judged: Iterable[pa.ChunkedArray],
    tokenizer: TokenizerName,
) -> np.ndarray:
    """Return the probabilities of n reviews by the second baseline, one class against the rest.

    They are those of all batches of `judged`, one after the other.
    """
    longest = _LONGEST[tokenizer]
    present = ngram_presence(known, longest)
    if not learns.all():
        present = present[learns]
    seen = np.flatnonzero(present.getnnz(axis=0))
    unseen = present.shape[1] - len(seen)
    present, test = present[:, seen], _Presence(judged, longest, seen)
    ratios = log_count_ratios(reviews_by_label(present, labels).T, 1, unseen)
    of_class = []
    # What counting them took: the solver needs half a gigabyte.
    pa.system_memory_pool().release_unused()
    for label, weights in zip(classes_given(int(labels.max()) + 1), ratios.T, strict=True):
        # The dual form takes seconds where the default solver takes a quarter of a minute.
        model = LogisticRegression(
            solver="liblinear", dual=True, max_iter=_MOST_ITERATIONS, random_state=0
        )
        model.fit(_weighted(present, weights), labels == label)
        given = [model.predict_proba(_weighted(part, weights))[:, 1] for part in test]
        of_class.append(np.concatenate(given))
    found = np.stack(of_class, axis=1)
    if found.shape[1] > 1:  # each of them is of one class against the rest
        found /= found.sum(axis=1, keepdims=True)
    return probabilities_of(found)


class _Presence:
    """The seen n-grams of reviews, batch by batch; of one batch alone they are counted once.

    Of more they are counted again for each class, since the models of all classes at once would
    take some 30 MB each.
    """

    def __init__(self, judged: Iterable[pa.ChunkedArray], longest: int, seen: np.ndarray) -> None:
        self._judged, self._longest, self._seen = judged, longest, seen
        self._only: list[sp.csr_matrix] = []

    def __iter__(self) -> Iterator[sp.csr_matrix]:
        if self._only:
            yield from self._only
            return
        batches = 0
        for reviews in self._judged:
            batches += 1
            part = ngram_presence(reviews, self._longest)[:, self._seen]
            yield part
        if batches == 1:
            self._only = [part]


def _weighted(present: sp.csr_matrix, ratios: np.ndarray) -> sp.csr_matrix:
    """Put the ratios in place of the numbers that are there."""
    present.data = ratios.astype(np.float64)[present.indices]
    return present


def word_counts(tokens: pa.ChunkedArray, words: int | None = None) -> sp.csr_matrix:
    """Return how often each word occurs in each review, shape (n, words).

    By default there are as many words as occur, else so many of the most frequent ones.
    """
    reviews = RaggedTokens.of(tokens.combine_chunks())
    width = int(reviews.ids.max()) - FIRST_WORD_ID + 1 if words is None else words
    is_word = (reviews.ids >= FIRST_WORD_ID) & (reviews.ids < width + FIRST_WORD_ID)
    found = reviews.where(is_word)
    return token_counts(RaggedTokens(found.ids - FIRST_WORD_ID, found.offsets), width, np.float64)
