"""The tables of a run: steps, scores and data, the same in the terminal, the report and the UI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tasks.common.formatting import interval_text
from tasks.common.tables import Table, number
from tasks.reports.html import share

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tasks.cache.step_run import StepRun
    from tasks.runs.manifest import Manifest, Score


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


def run_tables(folder: Path, manifest: Manifest) -> dict[str, Table]:
    """Return all tables of the run whose files lie in `folder`, by short names."""
    scored = {
        "network": "metrics.json",
        "linear control": "control_metrics.json",
        "naive Bayes control": "bayes_control_metrics.json",
    }
    metrics = {name: _read(folder, file) for name, file in scored.items()}
    return {
        "metrics": metrics_table(metrics, manifest.score),
        "data": data_table(_read(folder, "data_report.json")),
        "cache": steps_table(manifest.steps),
    }


def _read(folder: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / name).read_bytes())
    return content


def steps_table(runs: Iterable[StepRun]) -> Table:
    """Return which steps were cached, and for the others why not."""
    rows = ([run.step, run.outcome, run.why, f"{run.seconds:.1f}"] for run in runs)
    title = "Which steps were cached, and for the others why not."
    return Table("step", "result", "why", number("seconds"), rows=rows, title=title)


def metrics_table(scored: Mapping[str, Mapping[str, Any]], judged: Score) -> Table:
    """Return the metrics of several models side by side.

    Args:
        scored: Contents of files like `metrics.json`, by what is above their column.
        judged: Has the number of test reviews and the protocol.
    """
    return Table(
        "metric",
        *map(number, scored),
        rows=(
            [title, *(_figure(metrics, name) for metrics in scored.values())]
            for name, title in _METRICS.items()
        ),
        title=f"Scores on {judged.test_reviews:,} test reviews, {judged.protocol} protocol; 95 %"
        " intervals in brackets.",
    )


def _figure(metrics: Mapping[str, Any], name: str) -> str:
    bounds = metrics.get(f"{name}_interval_95")
    return f"{metrics[name]:.4f}{f' ({interval_text(*bounds)})' if bounds else ''}"


def data_table(report: Mapping[str, Any]) -> Table:
    """Return what the data checks found in both sets.

    Args:
        report: Content of `data_report.json`.
    """
    train, test = (_described(report[name], report["label_names"]) for name in ("train", "test"))
    seen = report["overlap"]["test_reviews_seen_in_train"]
    test["also in the training set"] = f"{seen:,} ({share(seen / report['test']['reviews'])})"
    return Table(
        "what",
        number("training"),
        number("test"),
        rows=([what, train.get(what, ""), value] for what, value in test.items()),
        title="What the data checks found in both sets.",
    )


def _described(part: Mapping[str, Any], labels: list[str]) -> dict[str, str]:
    counts = zip(labels, part["class_counts"], strict=True)
    quantiles = part["length_quantiles"]
    return {
        "reviews": f"{part['reviews']:,}",
        **{f"labelled {name}": f"{count:,}" for name, count in counts},
        "words": f"{part['tokens']:,}",
        "mean length in words": f"{part['mean_length']:.1f}",
        "median length": f"{quantiles['median']:,.0f}",
        "longest": f"{quantiles['max']:,.0f}",
        "words outside the word index": share(part["unknown_share"]),
        "texts without any word": f"{part['empty_texts']:,}",
        "repeated inside the set": f"{part['duplicates']:,}",
    }
