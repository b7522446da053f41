"""Baselines: what linear models score that learned from the same reviews in seconds.

A network that costs minutes has to beat them. Both are logistic regressions, on whole reviews and
all words, or on what a network sees of them. The first one has TF-IDF weighted words and
scikit-learn's defaults, see
https://scikit-learn.org/stable/modules/feature_extraction.html#tfidf-term-weighting. The second
one has the presence of words and pairs of words, each times its naive Bayes log-count ratio: Wang
and Manning, *Baselines and Bigrams*, ACL 2012 (https://aclanthology.org/P12-2018/).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from tasks.common.artifact_store import Fact
from tasks.common.atomic_files import write_text
from tasks.common.canonical_json import readable_json
from tasks.config.training import ProtocolConfig, TokenizerName
from tasks.data.review_files import count_reviews, read_column, read_labels
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
) -> dict[str, Fact]:
    """Write `baseline_metrics.json` and `baseline_predictions.parquet` of both baselines.

    As the network they do not learn from the validation reviews of the protocol. Without a protocol
    all reviews teach, as those do that a network sees: the validation reviews are not among them.
    `names` are those of the labels. Of characters, which alone tell little, both see the n-grams.
    With a vocabulary the first metrics say whether words give the label away, and which share of
    the texts look like ids.
    The facts are name, accuracy and the bounds of its 95 % interval. Files and facts of the second
    baseline have `bayes_` before their names.
    """
    learns = np.ones(count_reviews(train), bool)
    if protocol is not None:
        learns = ~validation_mask(read_column(train, "unit"), read_labels(train), protocol, names)
        described = described | {"protocol": protocol.protocol}
    known, judged = (pq.read_table(file, columns=["tokens", "label"]) for file in (train, test))
    labels = known["label"].to_numpy()[learns]
    leaks = _leaks(known, judged, learns, vocabulary) if vocabulary else {}
    facts: dict[str, Fact] = {}
    for prefix, name, model, more in (
        ("", BASELINE_NAME, _tfidf_probabilities, leaks),
        ("bayes_", BAYES_NAME, bayes_probabilities, {}),
    ):
        probabilities = model(known["tokens"], learns, labels, judged["tokens"], tokenizer)
        metrics = score(probabilities, judged["label"].to_numpy(), names)
        content = readable_json(metrics | described | {"name": name} | more)
        write_text(folder / f"{prefix}baseline_metrics.json", content)
        write_predictions(test, probabilities, folder / f"{prefix}baseline_predictions.parquet")
        found = {"name": name} | accuracy_facts(metrics)
        facts |= {f"{prefix}{key}": value for key, value in found.items()}
    return facts


def _leaks(
    known: pa.Table, judged: pa.Table, learns: np.ndarray, vocabulary: Path
) -> dict[str, Any]:
    """Return what gives labels away in the reviews that teach."""
    parts = known.take(np.flatnonzero(learns)[:MOST_CHECKED]), judged.slice(0, MOST_CHECKED)
    seen, others = (
        (RaggedTokens.of(part["tokens"].combine_chunks()), part["label"].to_numpy())
        for part in parts
    )
    return {
        "telling": telling_words(*seen, *others, Vocabulary.read(vocabulary).word),
        "share_of_ids": share_of_ids(seen[0]),
    }


def _tfidf_probabilities(
    known: pa.ChunkedArray,
    learns: np.ndarray,
    labels: np.ndarray,
    judged: pa.ChunkedArray,
    tokenizer: TokenizerName,
) -> np.ndarray:
    """Return the probabilities of n reviews by the first baseline."""
    if tokenizer == "characters":
        longest = _LONGEST[tokenizer]
        counts, judged_counts = (ngram_presence(one, longest) for one in (known, judged))
        counts = counts[learns]
    else:
        counts = word_counts(known)[learns]
        judged_counts = word_counts(judged, counts.shape[1])
    weights = TfidfTransformer()
    model = LogisticRegression(max_iter=_MOST_ITERATIONS)
    model.fit(weights.fit_transform(counts), labels)
    return given_of(model.predict_proba(weights.transform(judged_counts)))


def bayes_probabilities(
    known: pa.ChunkedArray,
    learns: np.ndarray,
    labels: np.ndarray,
    judged: pa.ChunkedArray,
    tokenizer: TokenizerName,
) -> np.ndarray:
    """Return the probabilities of n reviews by the second baseline, one class against the rest."""
    longest = _LONGEST[tokenizer]
    present = ngram_presence(known, longest)[learns]
    seen = np.flatnonzero(present.getnnz(axis=0))
    unseen = present.shape[1] - len(seen)
    present, test = present[:, seen], ngram_presence(judged, longest)[:, seen]
    counted = reviews_by_label(present, labels)
    ratios = log_count_ratios(counted.T.tocsr(), 1, unseen)
    of_class = []
    for label, weights in zip(classes_given(counted.shape[0]), ratios.T, strict=True):
        # The dual form takes seconds where the default solver takes a quarter of a minute.
        model = LogisticRegression(
            solver="liblinear", dual=True, max_iter=_MOST_ITERATIONS, random_state=0
        )
        model.fit(_weighted(present, weights), labels == label)
        of_class.append(model.predict_proba(_weighted(test, weights))[:, 1])
    found = np.stack(of_class, axis=1)
    if found.shape[1] > 1:  # each of them is of one class against the rest
        found /= found.sum(axis=1, keepdims=True)
    return probabilities_of(found)


def _weighted(present: sp.csr_matrix, ratios: np.ndarray) -> sp.csr_matrix:
    """Put the ratios in place of the numbers that are there."""
    present.data = ratios[present.indices]
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
