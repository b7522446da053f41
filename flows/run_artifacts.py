"""What Prefect's UI shows of a finished run: a report, and tables of metrics, data and steps.

Their keys are the same in every run, so that the UI lines the runs up as versions.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows.artifact_tables import cache_table, data_table, metrics_table
from flows.report_markdown import report_markdown
from tasks.run_manifest import read_manifest
from tasks.run_report import control_tests
from tasks.run_verdict import verdict
from tasks.training_config import TrainingConfig

if TYPE_CHECKING:
    from pathlib import Path


def publish(folder: Path) -> None:
    """Show a finished run on the current flow run.

    Args:
        folder: The run folder.

    Raises:
        BadDataError: The folder is no finished run.
    """
    manifest = read_manifest(folder)
    metrics, data = _read(folder, "metrics.json"), _read(folder, "data_report.json")
    tests = control_tests(_read(folder, "analysis.json"))
    config = TrainingConfig.model_validate(_read(folder, "config.json"))
    notes = verdict(manifest, config, metrics, data, tests)
    score = manifest.score
    create_markdown_artifact(
        report_markdown(folder, manifest, notes),
        key="report",
        description=f"Test accuracy {score.accuracy:.4f}, {score.protocol} protocol.",
    )
    create_table_artifact(
        metrics_table(
            metrics,
            _read(folder, "control_metrics.json"),
            _read(folder, "bayes_control_metrics.json"),
        ),
        key="metrics",
        description=f"Scores on {score.test_reviews:,} test reviews, {score.protocol} protocol;"
        " 95 % intervals in brackets.",
    )
    create_table_artifact(
        data_table(data), key="data", description="What the data checks found in both sets."
    )
    create_table_artifact(
        cache_table(manifest.steps),
        key="cache",
        description="Which steps were cached, and for the others why not.",
    )


def _read(folder: Path, name: str) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads((folder / name).read_bytes())
