"""The report of a run: one HTML page that needs no other file and asks for nothing outside."""

import re
from pathlib import Path, PurePath

from tasks.common.formatting import when
from tasks.config.recipes import nearest_recipe
from tasks.config.repeat import train_command
from tasks.config.training import TrainingConfig
from tasks.model.describe import network_parts, network_title
from tasks.reports.html import image_uri, render
from tasks.reports.tables import (
    abstention_table,
    changed_table,
    config_table,
    confusion_table,
    coverage_table,
    cut_table,
    error_ngrams_table,
    heat_cells,
    labels_table,
    run_tables,
    slices_table,
)
from tasks.reports.verdict import baseline_tests, conclude, notes_on
from tasks.runs.manifest import Manifest
from tasks.runs.read import config_in, read_json

CHARTS = (
    "training_loss",
    "training_accuracy",
    "learning_rate",
    "roc",
    "precision_recall",
    "reliability",
    "abstention",
    "by_length",
    "by_unknown",
)


_WEAKEST = 5
"""Labels that are shown of more than a confusion matrix can show; a click shows them all."""

_PARAMETERS = re.compile(r"Total params: ([\d,]+)")


def run_report(folder: Path, manifest: Manifest) -> str:
    """Return the report of the run whose other files lie in `folder`.

    Texts of reviews come from data, so all values are escaped; the page allows no script. The
    manifest needs no list of files yet.
    """
    config = config_in(folder)
    metrics, data = read_json(folder, "metrics.json"), read_json(folder, "data_report.json")
    analysis = read_json(folder, "analysis.json")
    recipe, changes = _recipe(config)
    own_tables = {
        "confusion": confusion_table(metrics, data["label_names"]),
        "labels": labels_table(metrics, data["label_names"]),
        "weakest": labels_table(metrics, data["label_names"], _WEAKEST),
        "error_ngrams": error_ngrams_table(analysis.get("error_ngrams", [])),
        "cut": cut_table(analysis["by_cut"], config.text.maxlen),
        "abstention": abstention_table(metrics),
        "coverage": coverage_table(metrics, data["label_names"]),
        "slices": slices_table(manifest.slices),
        "changed": changed_table(config),
        "config": config_table(config),
    }
    linear, tests = read_json(folder, "baseline_metrics.json"), baseline_tests(analysis)
    notes = notes_on(manifest, config, metrics, data, tests, linear)
    return render(
        "report.html.jinja",
        title=_title(manifest, config),
        made=when(manifest.created),
        manifest=manifest,
        verdict=conclude(manifest, metrics, tests, linear, data["label_names"]),
        against=list(zip(manifest.baselines, tests, strict=True)),
        warnings=[note for note in notes if note.kind == "warning"],
        in_order=[note for note in notes if note.kind != "warning"],
        recipe=recipe,
        recipe_changes=changes,
        network=network_parts(config, len(data["label_names"])),
        architecture=network_title(config.network),
        parameters=_parameters(folder),
        command=train_command(config, manifest.source.source),
        metrics=metrics,
        heat=heat_cells(metrics, data["label_names"]),
        tables=run_tables(folder, manifest) | own_tables,
        baseline_metrics=linear,
        data=data,
        confident_errors=analysis["confident_errors"],
        charts={name: image_uri(folder / "figures" / f"{name}.svg") for name in CHARTS},
        history=read_json(folder, "history.json"),
        num_words=config.text.num_words,
    )


def _title(manifest: Manifest, config: TrainingConfig) -> str:
    recipe, changes = _recipe(config)
    file = config.source.train_file
    reviews = manifest.score.source_label if file is None else PurePath(str(file)).name
    changed = f", {len(changes)} setting{'s' * (len(changes) > 1)} changed," if changes else ""
    return f"{recipe}{changed} on {reviews}, seed {manifest.seed}"


def _recipe(config: TrainingConfig) -> tuple[str, list[str]]:
    """Return the nearest recipe, and what has other values; each run has a seed of its own."""
    recipe, changes = nearest_recipe(config)
    return recipe, [change.name for change in changes if change.name != "seed"]


def _parameters(folder: Path) -> str:
    """Return how many parameters Keras counts, with commas; nothing where it does not say."""
    summary = folder / "model_summary.txt"
    found = _PARAMETERS.search(summary.read_text(encoding="utf-8")) if summary.exists() else None
    return found[1] if found else ""
