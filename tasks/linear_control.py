"""Control: what a linear model scores that learned from the same reviews in seconds.

A network that costs minutes has to beat it. The model is a logistic regression on TF-IDF
weighted words, whole reviews, all words: scikit-learn's defaults. See
https://scikit-learn.org/stable/modules/feature_extraction.html#tfidf-term-weighting
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.atomic_files import write_text
from tasks.canonical_json import readable_json
from tasks.evaluate_model import score, write_predictions
from tasks.review_files import read_groups
from tasks.split_validation import validation_mask
from tasks.tokenize_text import FIRST_WORD_OFFSET

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    import scipy.sparse as sp

    from tasks.artifact_store import Fact
    from tasks.training_config import ProtocolConfig

CONTROL_NAME = "TF-IDF + logistic regression"
_MOST_ITERATIONS = 1000


def train_control(
    train: Path,
    test: Path,
    protocol: ProtocolConfig,
    described: dict[str, str],
    folder: Path,
    groups: Path | None = None,
) -> dict[str, Fact]:
    """Write `control_metrics.json` and `control_predictions.parquet`.

    Args:
        train: Token lists of the training set (Parquet).
        test: Token lists of the test set (Parquet).
        protocol: Which training reviews the network does not learn from; nor does this model.
        described: Source and form, without which a score is never shown.
        folder: Where to write.
        groups: Groups of the training reviews (Parquet), which are not split; None without.

    Returns:
        Facts: the model's name, its accuracy and the bounds of its 95 % interval.

    Raises:
        BadDataError: The validation split would hold too few reviews of a class.
    """
    import pyarrow.parquet as pq
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression

    known, judged = (pq.read_table(file, columns=["tokens", "label"]) for file in (train, test))
    learns = ~validation_mask(known["label"].to_numpy(), protocol, read_groups(groups))
    counts = word_counts(known["tokens"])[learns]
    words = counts.shape[1]
    weights = TfidfTransformer()
    model = LogisticRegression(max_iter=_MOST_ITERATIONS)
    model.fit(weights.fit_transform(counts), known["label"].to_numpy()[learns])
    judged_counts = word_counts(judged["tokens"], words)
    probabilities = model.predict_proba(weights.transform(judged_counts))[:, 1]
    metrics = score(probabilities, judged["label"].to_numpy())
    described = described | {"name": CONTROL_NAME, "protocol": protocol.protocol}
    write_text(folder / "control_metrics.json", readable_json(metrics | described))
    write_predictions(test, probabilities, folder / "control_predictions.parquet")
    low, high = metrics["accuracy_interval_95"]
    return {
        "name": CONTROL_NAME,
        "accuracy": metrics["accuracy"],
        "accuracy_low": low,
        "accuracy_high": high,
    }


def word_counts(tokens: pa.ChunkedArray, words: int | None = None) -> sp.csr_matrix:
    """Return how often each word occurs in each review, shape (n, words).

    Args:
        tokens: Lists of ids; start and unknown ids are no words.
        words: Number of words, rarer ones are left out; by default as many as occur.
    """
    import numpy as np
    import scipy.sparse as sp

    lists = tokens.combine_chunks()
    rows = np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy()))
    ranks = lists.flatten().to_numpy() - FIRST_WORD_OFFSET - 1
    width = int(ranks.max()) + 1 if words is None else words
    is_word = (ranks >= 0) & (ranks < width)
    columns = ranks[is_word]
    shape = (len(lists), width)
    return sp.coo_matrix((np.ones(len(columns)), (rows[is_word], columns)), shape).tocsr()
