"""Score: what probabilities of test reviews are worth, whichever model gave them."""

from collections.abc import Sequence
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
from tasks.data.review_files import write_table
from tasks.data.tables.labels import values_of
from tasks.evaluation.metrics import (
    expected_calibration_error,
    mean_f1,
    mean_interval,
    reliability,
    roc_auc,
    wilson_interval,
)
from tasks.model.answers import answers, of_each

_MOST_GRADES = 11
"""Labels that are numbers and can be grades, as of 0 to 10; more of them are numbers of topics."""

_SMALLEST_PROBABILITY = 1e-7
"""Keras's epsilon: keeps the logarithm of a certain but wrong answer finite."""


def accuracy_facts(metrics: dict[str, Any]) -> dict[str, Fact]:
    """Return the accuracy and the bounds of its 95 % interval."""
    low, high = metrics["accuracy_interval_95"]
    return {"accuracy": metrics["accuracy"], "accuracy_low": low, "accuracy_high": high}


def score(
    probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the metrics, with the 95 % interval of the accuracy (Wilson).

    Where one label is rare, accuracy says little: `majority_share` is what always giving one answer
    scores at best. `matthews` is the correlation of answer and label. `labels` are numbers from 0
    on, each of them present.

    Of two labels `f1`, `roc_auc`, with its interval (DeLong), and `average_precision` are those of
    label 1. Of more, `roc_auc` and `average_precision` are means over the labels, each against the
    rest, and the Brier score is half of Brier's sum over them, as it is of two; `confusion` has a
    row per label and a column per answer, `by_label` what each label scores. Where the names of all
    are numbers, and few, as of stars, `mean_absolute_error` is by how much the answers are off.
    """
    labels = labels.astype(np.int64)
    said, of_classes = answers(probabilities), of_each(probabilities.astype(np.float64))
    correct = int(np.sum(said == labels))
    of_truth = of_classes[np.arange(len(labels)), labels]
    losses = -np.log(np.clip(of_truth, _SMALLEST_PROBABILITY, 1))
    if probabilities.ndim == 1:
        own = _of_two(probabilities, labels, said)
    else:
        own = _of_several(probabilities, labels, said) | _distances(labels, said, names)
    return {
        "test_reviews": len(labels),
        "accuracy": correct / len(labels),
        "accuracy_interval_95": list(wilson_interval(correct, len(labels))),
        "loss": float(losses.mean()),
        "expected_calibration_error": expected_calibration_error(
            reliability(probabilities, labels)
        ),
        "balanced_accuracy": float(balanced_accuracy_score(labels, said)),
        "matthews": float(matthews_corrcoef(labels, said)),
        **own,
    }


def _of_two(probabilities: np.ndarray, labels: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    is_one = labels > 0
    area, *area_interval = roc_auc(probabilities, labels)
    kinds = ("true_negative", "false_positive", "false_negative", "true_positive")
    return {
        "roc_auc": area,
        "roc_auc_interval_95": area_interval,
        "average_precision": float(average_precision_score(is_one, probabilities)),
        "brier": float(brier_score_loss(is_one, probabilities.astype(np.float64))),
        "f1": float(f1_score(is_one, said, zero_division=0)),
        "majority_share": max(float(is_one.mean()), 1 - float(is_one.mean())),
        "confusion": dict(zip(kinds, confusion_matrix(is_one, said).ravel().tolist(), strict=True)),
    }


def _of_several(probabilities: np.ndarray, labels: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    classes = range(probabilities.shape[1])
    is_label = labels[:, None] == np.array(classes)
    confusion = confusion_matrix(labels, said, labels=list(classes))
    by_label = [
        _of_label(probabilities[:, label], is_label[:, label], said == label)
        | _f1(confusion, "f1", np.array(classes) == label)
        for label in classes
    ]
    precision = [average_precision_score(is_label[:, k], probabilities[:, k]) for k in classes]
    squares = (probabilities.astype(np.float64) - is_label) ** 2
    return {
        "roc_auc": float(np.mean([one["roc_auc"] for one in by_label])),
        "average_precision": float(np.mean(precision)),
        "brier": float(squares.sum(axis=1).mean() / 2),
        **_f1(confusion, "macro_f1", np.full(len(classes), 1 / len(classes))),
        **_f1(confusion, "weighted_f1"),
        "majority_share": float(is_label.mean(axis=0).max()),
        "confusion": confusion.tolist(),
        "by_label": by_label,
    }


def _f1(
    confusion: np.ndarray, name: str, weights: np.ndarray | None = None
) -> dict[str, float | list[float]]:
    mean, bounds = mean_f1(confusion, weights)
    return {name: mean, f"{name}_interval_95": list(bounds)}


def _distances(
    labels: np.ndarray, said: np.ndarray, names: Sequence[str]
) -> dict[str, float | list[float]]:
    """Return the mean distance of answer and label; nothing where a label is no number."""
    values = np.array(values_of(names) if len(names) <= _MOST_GRADES else [])
    widest = float(np.ptp(values)) if len(values) else 0.0
    if not 0 < widest < np.inf:
        return {}
    far = np.abs(values[said] - values[labels]) / widest
    bounds = mean_interval(float(far.mean()), float(far.var() / len(far)), len(far))
    return {
        "mean_absolute_error": float(far.mean()) * widest,
        "mean_absolute_error_interval_95": [widest * bound for bound in bounds],
    }


def _of_label(given: np.ndarray, is_label: np.ndarray, says_label: np.ndarray) -> dict[str, Any]:
    """Return what one label scores against the rest; precision is None where no review got it."""
    reviews, judged, right = (int(np.sum(x)) for x in (is_label, says_label, is_label & says_label))
    area, *area_interval = roc_auc(given, is_label)
    return {
        "reviews": reviews,
        "judged": judged,
        "precision": right / judged if judged else None,
        "precision_interval_95": list(wilson_interval(right, judged)) if judged else None,
        "recall": right / reviews,
        "recall_interval_95": list(wilson_interval(right, reviews)),
        "roc_auc": area,
        "roc_auc_interval_95": area_interval,
    }


def write_predictions(test: Path, probabilities: np.ndarray, path: Path) -> None:
    """Write what is known of each review, but not its words, with its probability.

    Of more than two classes that is a list of the probabilities of all.
    """
    columns = ["review_id", "label", "length", "unknown", "text_hash"]
    reviews = pq.read_table(test, columns=columns)
    column = pa.array(probabilities.reshape(-1), pa.float32())
    if probabilities.ndim > 1:
        column = pa.FixedSizeListArray.from_arrays(column, probabilities.shape[1])
    table = reviews.replace_schema_metadata(None).add_column(2, "probability", column)
    write_table(path, table)
