"""The report of a run as Markdown, for Prefect's UI: the score, whether to believe it, figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.html_page import image_uri, score
from tasks.run_report import REPORT
from tasks.run_text import interval_text
from tasks.source_files import source_label

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.run_manifest import ControlScore, Manifest, Score
    from tasks.run_verdict import Note

_MARKS = {"good": "✓ ", "warning": "⚠ ", "plain": ""}


def report_markdown(folder: Path, manifest: Manifest, notes: list[Note]) -> str:
    """Return the report of the run in `folder`, with its figures inside."""
    judged = manifest.score
    source = source_label(judged.source, judged.form)
    parts = [
        f"# Test accuracy {score(judged.accuracy)}",
        f"{judged.protocol} protocol, source {source}, {judged.test_reviews:,} test reviews",
        _scores(judged, manifest.controls),
        "\n".join(f"- {_MARKS[note.kind]}{note.text}" for note in notes),
        _facts(folder, manifest),
        _figure(folder, "accuracy"),
        _figure(folder, "loss"),
    ]
    return "\n\n".join(parts) + "\n"


def _scores(network: Score, controls: list[ControlScore]) -> str:
    of_controls = [_row(f"linear control: {control.name}", control) for control in controls]
    lines = [_row("network", network), *of_controls]
    return "\n".join(["| | test accuracy | 95 % interval |", "|---|---|---|", *lines])


def _row(name: str, judged: Score | ControlScore) -> str:
    interval = interval_text(judged.accuracy_low, judged.accuracy_high)
    return f"| {name} | **{score(judged.accuracy)}** | {interval} |"


def _facts(folder: Path, manifest: Manifest) -> str:
    training, device = manifest.training, manifest.device
    rows = {
        "seed": str(manifest.seed),
        "best epoch": f"{training.best_epoch} of {training.epochs_run}",
        "device": f"{device.name or device.kind} ({device.reason})",
        "run folder": f"`{folder}`",
        "whole report": f"`{folder / REPORT}`",
    }
    return "\n".join(
        ["| | this run |", "|---|---|", *(f"| {name} | {it} |" for name, it in rows.items())]
    )


def _figure(folder: Path, name: str) -> str:
    uri = image_uri(folder / "figures" / f"{name}.png")
    return f'<img alt="Training and validation {name} by epoch" src="{uri}">'
