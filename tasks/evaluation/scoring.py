"""Score: what probabilities of test reviews are worth, whichever model gave them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
)

from tasks.common.artifact_store import Fact
from tasks.common.atomic_files import whole_file
from tasks.evaluation.metrics import (
    THRESHOLD,
    expected_calibration_error,
    reliability,
    roc_auc,
    wilson_interval,
)

_SMALLEST_PROBABILITY = 1e-7
"""Keras's epsilon: keeps the logarithm of a certain but wrong answer finite."""


def accuracy_facts(metrics: dict[str, Any]) -> dict[str, Fact]:
    """Return the accuracy and the bounds of its 95 % interval."""
    low, high = metrics["accuracy_interval_95"]
    return {"accuracy": metrics["accuracy"], "accuracy_low": low, "accuracy_high": high}


def score(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return the metrics, with 95 % intervals of accuracy (Wilson) and ROC AUC (DeLong).

    Where one label is rare, accuracy says little: `majority_share` is what always answering the
    other one scores. `f1` is that of label 1, `matthews` the correlation of answer and label.
    Probabilities are of label 1, of which above 0.5 counts as label 1; both labels are present.
    """
    says_one, is_one = probabilities > THRESHOLD, labels > THRESHOLD
    correct = int(np.sum(says_one == is_one))
    of_truth = np.where(is_one, probabilities, 1 - probabilities.astype(np.float64))
    losses = -np.log(np.clip(of_truth, _SMALLEST_PROBABILITY, 1))
    area, *area_interval = roc_auc(probabilities, labels)
    kinds = ("true_negative", "false_positive", "false_negative", "true_positive")
    return {
        "test_reviews": len(labels),
        "accuracy": correct / len(labels),
        "accuracy_interval_95": list(wilson_interval(correct, len(labels))),
        "loss": float(losses.mean()),
        "roc_auc": area,
        "roc_auc_interval_95": area_interval,
        "average_precision": float(average_precision_score(is_one, probabilities)),
        "brier": float(brier_score_loss(is_one, probabilities.astype(np.float64))),
        "expected_calibration_error": expected_calibration_error(
            reliability(probabilities, labels)
        ),
        "balanced_accuracy": float(balanced_accuracy_score(is_one, says_one)),
        "f1": float(f1_score(is_one, says_one, zero_division=0)),
        "matthews": float(matthews_corrcoef(is_one, says_one)),
        "majority_share": max(float(is_one.mean()), 1 - float(is_one.mean())),
        "confusion": dict(
            zip(kinds, confusion_matrix(is_one, says_one).ravel().tolist(), strict=True)
        ),
    }


def write_predictions(test: Path, probabilities: np.ndarray, path: Path) -> None:
    """Write what is known of each review, but not its words, with its probability."""
    columns = ["review_id", "label", "length", "unknown", "text_hash"]
    reviews = pq.read_table(test, columns=columns)
    table = reviews.replace_schema_metadata(None).add_column(
        2, "probability", pa.array(probabilities, pa.float32())
    )
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
