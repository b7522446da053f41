"""Tables of a finished run for Prefect's UI: its metrics, its data, its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.html_page import score, share
from tasks.run_text import interval_text

if TYPE_CHECKING:
    from tasks.run_manifest import StepRun

Rows = list[dict[str, Any]]

_METRICS = {
    "accuracy": "accuracy",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1 of the second label",
    "matthews": "Matthews correlation",
    "loss": "loss (cross-entropy)",
    "brier": "Brier score",
    "expected_calibration_error": "expected calibration error",
}


def metrics_table(
    network: dict[str, Any], control: dict[str, Any], bayes_control: dict[str, Any]
) -> Rows:
    """Return the metrics of the network beside those of the linear controls.

    Args:
        network: Content of `metrics.json`.
        control: Content of `control_metrics.json`.
        bayes_control: Content of `bayes_control_metrics.json`.
    """
    return [
        {
            "metric": title,
            "network": _figure(network, name),
            "linear control": _figure(control, name),
            "naive Bayes control": _figure(bayes_control, name),
        }
        for name, title in _METRICS.items()
    ]


def _figure(metrics: dict[str, Any], name: str) -> str:
    bounds = metrics.get(f"{name}_interval_95")
    interval = f" ({interval_text(*bounds)})" if bounds else ""
    return f"{score(metrics[name])}{interval}"


def data_table(report: dict[str, Any]) -> Rows:
    """Return what the data checks found in both sets.

    Args:
        report: Content of `data_report.json`.
    """
    train, test = (_described(report[name], report["label_names"]) for name in ("train", "test"))
    seen = report["overlap"]["test_reviews_seen_in_train"]
    test["also in the training set"] = f"{seen:,} ({share(seen / report['test']['reviews'])})"
    return [
        {"what": what, "training": train.get(what, ""), "test": value}
        for what, value in test.items()
    ]


def _described(part: dict[str, Any], labels: list[str]) -> dict[str, str]:
    counts = zip(labels, part["class_counts"], strict=True)
    quantiles = part["length_quantiles"]
    return {
        "reviews": f"{part['reviews']:,}",
        **{f"labelled {name}": f"{count:,}" for name, count in counts},
        "mean length in words": f"{part['mean_length']:.1f}",
        "median length": f"{quantiles['median']:,.0f}",
        "longest": f"{quantiles['max']:,.0f}",
        "words outside the word index": share(part["unknown_share"]),
        "texts without any word": f"{part['empty_texts']:,}",
        "repeated inside the set": f"{part['duplicates']:,}",
    }


def cache_table(runs: list[StepRun]) -> Rows:
    """Return which steps were cached, and for the others why not."""
    return [
        {"step": run.step, "result": run.outcome, "why": run.why, "seconds": run.seconds}
        for run in runs
    ]
