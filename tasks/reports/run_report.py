"""The report of a run: one HTML page that needs no other file and asks for nothing outside."""

import json
from pathlib import Path
from typing import Any

from tasks.config.training import TrainingConfig, default_groups
from tasks.data.sources.source_files import source_label
from tasks.evaluation.significance import PairedTest
from tasks.reports.html import image_uri, render_page
from tasks.reports.tables import run_tables
from tasks.reports.verdict import Note, verdict
from tasks.runs.manifest import Manifest

REPORT = "report.html"

CHARTS = (
    "training_loss",
    "training_accuracy",
    "learning_rate",
    "roc",
    "precision_recall",
    "reliability",
    "by_length",
    "by_unknown",
)


def run_report(folder: Path, manifest: Manifest) -> str:
    """Return the report of the run whose other files lie in `folder`.

    Texts of reviews come from data, so all values are escaped; the page allows no script.

    Args:
        folder: A run folder, or one that is being written.
        manifest: The run's manifest; its list of files may still be empty.
    """
    metrics, data = _read(folder, "metrics.json"), _read(folder, "data_report.json")
    analysis, history = _read(folder, "analysis.json"), _read(folder, "history.json")
    config = TrainingConfig.model_validate(_read(folder, "config.json"))
    baseline_metrics = _read(folder, "baseline_metrics.json")
    return render_page(
        "report.html.jinja",
        title=f"{_source(manifest)}, {manifest.score.protocol} protocol, seed {manifest.seed}",
        manifest=manifest,
        source=_source(manifest),
        notes=run_notes(folder, manifest),
        metrics=metrics,
        tables=run_tables(folder, manifest),
        baseline_metrics=baseline_metrics,
        data=data,
        analysis=analysis,
        charts={name: image_uri(folder / "figures" / f"{name}.svg") for name in CHARTS},
        history=history,
        config=config.model_dump(mode="json"),
        defaults=default_groups(config),
    )


def run_notes(folder: Path, manifest: Manifest) -> list[Note]:
    """Return whether to believe the score of the run whose other files lie in `folder`."""
    return verdict(
        manifest,
        TrainingConfig.model_validate(_read(folder, "config.json")),
        _read(folder, "metrics.json"),
        _read(folder, "data_report.json"),
        baseline_tests(_read(folder, "analysis.json")),
    )


def baseline_tests(analysis: dict[str, Any]) -> list[PairedTest]:
    """Return the tests of the network against its linear baselines.

    Args:
        analysis: Content of `analysis.json`.
    """
    names = ("network_against_baseline", "network_against_bayes_baseline")
    return [PairedTest.model_validate(analysis[name]) for name in names]


def _source(manifest: Manifest) -> str:
    return source_label(manifest.score.source, manifest.score.form)


def _read(folder: Path, name: str) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads((folder / name).read_bytes())
