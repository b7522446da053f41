"""The report of a run: one HTML page that needs no other file and asks for nothing outside."""

from pathlib import Path

from tasks.config.training import TrainingConfig, default_groups
from tasks.data.sources.source_files import source_label
from tasks.evaluation.significance import PairedTest
from tasks.reports.html import image_uri, render
from tasks.reports.tables import run_tables
from tasks.reports.verdict import Note, verdict
from tasks.runs.manifest import Manifest
from tasks.runs.read import read_json

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

    Both may still be written: the files before the report, and the manifest's list of files.
    """
    config = TrainingConfig.model_validate(read_json(folder, "config.json"))
    source = source_label(manifest.score.source, manifest.score.form)
    return render(
        "report.html.jinja",
        title=f"{source}, {manifest.score.protocol} protocol, seed {manifest.seed}",
        manifest=manifest,
        source=source,
        notes=run_notes(folder, manifest),
        metrics=read_json(folder, "metrics.json"),
        tables=run_tables(folder, manifest),
        baseline_metrics=read_json(folder, "baseline_metrics.json"),
        data=read_json(folder, "data_report.json"),
        analysis=read_json(folder, "analysis.json"),
        charts={name: image_uri(folder / "figures" / f"{name}.svg") for name in CHARTS},
        history=read_json(folder, "history.json"),
        config=config.model_dump(mode="json"),
        defaults=default_groups(config),
    )


def run_notes(folder: Path, manifest: Manifest) -> list[Note]:
    """Return whether to believe the score of the run whose other files lie in `folder`."""
    analysis = read_json(folder, "analysis.json")
    tests = [analysis[f"network_against_{name}"] for name in ("baseline", "bayes_baseline")]
    return verdict(
        manifest,
        TrainingConfig.model_validate(read_json(folder, "config.json")),
        read_json(folder, "metrics.json"),
        read_json(folder, "data_report.json"),
        [PairedTest.model_validate(test) for test in tests],
    )
