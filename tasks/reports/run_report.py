"""The report of a run: one HTML page that needs no other file and asks for nothing outside."""

from pathlib import Path

from tasks.config.training import TrainingConfig
from tasks.evaluation.significance import PairedTest
from tasks.reports.html import image_uri, render
from tasks.reports.tables import config_table, confusion_table, cut_table, run_tables
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

    Texts of reviews come from data, so all values are escaped; the page allows no script. The
    manifest needs no list of files yet.
    """
    config = TrainingConfig.model_validate(read_json(folder, "config.json"))
    metrics, data = read_json(folder, "metrics.json"), read_json(folder, "data_report.json")
    analysis, score = read_json(folder, "analysis.json"), manifest.score
    own_tables = {
        "confusion": confusion_table(metrics, data["label_names"]),
        "cut": cut_table(analysis["by_cut"], config.text.maxlen),
        "config": config_table(config),
    }
    return render(
        "report.html.jinja",
        title=f"{score.source_label}, {score.protocol} protocol, seed {manifest.seed}",
        manifest=manifest,
        notes=run_notes(folder, manifest),
        metrics=metrics,
        tables=run_tables(folder, manifest) | own_tables,
        baseline_metrics=read_json(folder, "baseline_metrics.json"),
        data=data,
        confident_errors=analysis["confident_errors"],
        charts={name: image_uri(folder / "figures" / f"{name}.svg") for name in CHARTS},
        history=read_json(folder, "history.json"),
        num_words=config.text.num_words,
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
