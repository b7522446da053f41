"""Evaluate: what the best model scores on the test reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.atomic_files import whole_file, write_text
from tasks.canonical_json import readable_json
from tasks.review_arrays import ReviewArrays, read_arrays
from tasks.score_intervals import wilson_interval

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from tasks.artifact_store import Fact

_THRESHOLD = 0.5
_SMALLEST_PROBABILITY = 1e-7
"""Keras's epsilon: keeps the logarithm of a certain but wrong answer finite."""


def evaluate_model(
    best_model: Path, test: Path, batch_size: int, described: dict[str, str], folder: Path
) -> dict[str, Fact]:
    """Write `metrics.json` and `predictions.parquet`.

    Args:
        best_model: The checkpoint with the lowest validation loss.
        test: Padded test reviews (Parquet).
        batch_size: Reviews per step; changes speed only.
        described: Protocol, source and form, without which a score is never shown.
        folder: Where to write.

    Returns:
        Facts: accuracy, the bounds of its 95 % interval, loss, number of test reviews.
    """
    import keras

    model = keras.models.load_model(best_model, compile=False)
    reviews = read_arrays(test)
    probabilities = model.predict(reviews.tokens, batch_size=batch_size, verbose=0)[:, 0]
    metrics = score(probabilities, reviews.labels[:, 0])
    write_text(folder / "metrics.json", readable_json(metrics | described))
    _write_predictions(reviews, probabilities, folder / "predictions.parquet")
    low, high = metrics["accuracy_interval_95"]
    return {
        "accuracy": metrics["accuracy"],
        "accuracy_low": low,
        "accuracy_high": high,
        "loss": metrics["loss"],
        "test_reviews": metrics["test_reviews"],
    }


def score(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return accuracy with its 95 % Wilson interval, binary cross-entropy and confusion.

    Args:
        probabilities: Of label 1, float, shape (n,); above 0.5 counts as label 1.
        labels: 0 or 1, shape (n,).
    """
    import numpy as np

    says_one, is_one = probabilities > _THRESHOLD, labels > _THRESHOLD
    correct = int(np.sum(says_one == is_one))
    of_truth = np.where(is_one, probabilities, 1 - probabilities.astype(np.float64))
    losses = -np.log(np.clip(of_truth, _SMALLEST_PROBABILITY, 1))
    return {
        "test_reviews": len(labels),
        "accuracy": correct / len(labels),
        "accuracy_interval_95": list(wilson_interval(correct, len(labels))),
        "loss": float(losses.mean()),
        "confusion": {
            "true_negative": int(np.sum(~says_one & ~is_one)),
            "false_positive": int(np.sum(says_one & ~is_one)),
            "false_negative": int(np.sum(~says_one & is_one)),
            "true_positive": int(np.sum(says_one & is_one)),
        },
    }


def _write_predictions(reviews: ReviewArrays, probabilities: np.ndarray, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "review_id": pa.array(reviews.review_ids, pa.int32()),
            "label": pa.array(reviews.labels[:, 0], pa.int8()),
            "probability": pa.array(probabilities, pa.float32()),
        }
    )
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
