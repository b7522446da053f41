"""The report of a run as Markdown, for Prefect's UI: the score, whether to believe it, charts."""

from collections.abc import Sequence
from pathlib import Path

from tasks.common.formatting import interval_text, score
from tasks.common.tables import Table, markdown
from tasks.evaluation.significance import SliceScore
from tasks.reports.html import image_uri
from tasks.reports.tables import slices_table
from tasks.reports.verdict import Note, Verdict
from tasks.runs.manifest import BaselineScore, Manifest, Score
from tasks.runs.read import REPORT

_MARKS = {"good": "✓ ", "warning": "⚠ ", "mind": "⚠ ", "bad": "✗ ", "plain": ""}


def report_markdown(folder: Path, manifest: Manifest, verdict: Verdict, notes: list[Note]) -> str:
    """Return the report of the run in `folder`, with its charts inside.

    The sentence of the verdict is left to the artifact's description, which stands above it.
    """
    leads, value, *_ = manifest.score.lead
    judged, training, device = manifest.score, manifest.training, manifest.device
    scores = [_scores("network", judged)]
    scores += [_scores(f"linear baseline: {one.called}", one) for one in manifest.baselines]
    facts = {
        "seed": str(manifest.seed),
        "best epoch": f"{training.best_epoch} of {training.epochs_run}",
        "device": f"{device.name or device.kind} ({device.reason})",
        "run folder": str(folder),
        "whole report": str(folder / REPORT),
    }
    return markdown(
        f"# {_MARKS[verdict.level]}Test {leads} {score(value)}",
        f"{judged.protocol} protocol, source {judged.source_label},"
        f" {judged.test_reviews:,} test reviews",
        Table("", "test accuracy", "95 % interval", rows=scores),
        [f"{_MARKS[note.kind]}{note.text}" for note in notes],
        *_worse_slices(manifest.slices),
        Table("", "this run", rows=facts.items()),
        *(_chart(folder, name) for name in ("accuracy", "loss")),
    )


def _worse_slices(slices: Sequence[SliceScore]) -> list[str | Table]:
    worse = [one for one in slices if one.is_worse]
    told = "Slices of the test reviews that are worse than the rest:"
    if worse:
        table = slices_table(worse)
        table.title = ""  # a heading would be that of all that follows
        return [f"{_MARKS['mind']}{told} {len(worse)} of {len(slices)}.", table]
    return [f"{told} none of {len(slices)}."] if slices else []


def _scores(name: str, one: Score | BaselineScore) -> list[str]:
    return [name, score(one.accuracy), interval_text(one.accuracy_low, one.accuracy_high)]


def _chart(folder: Path, name: str) -> str:
    uri = image_uri(folder / "figures" / f"{name}.png")
    return f'<img alt="Training and validation {name} by epoch" src="{uri}">'
