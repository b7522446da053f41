"""Tables and lines for the terminal, made from what `tasks` says of runs."""

from collections.abc import Iterable, Sequence

from rich.table import Table as RichTable
from rich.text import Text

from flows.display.terminal import WIDE, Showable
from tasks.common.formatting import interval_text, printable, short_id, when
from tasks.common.tables import Column, Table, number
from tasks.config.training import value_text
from tasks.reports.tables import (
    SEVERAL,
    common_table,
    compared_slices,
    differences_table,
    scores_table,
    slices_table,
    steps_table,
    tests_table,
)
from tasks.reports.verdict import calibration_sentence, cost_sentence
from tasks.runs.compare import Comparison
from tasks.runs.describe import RunDetails, RunLine, RunList, total_seconds
from tasks.runs.failures import Failures
from tasks.runs.manifest import Manifest, Score

Shown = list[Showable]

_SHOWN_LABELS = 10


def run_list(found: RunList, width: int, *, settings: Sequence[str] | None) -> Shown:
    """Return the table of all runs, and a line for each folder that cannot be read.

    Each run has several lines, more of them in a terminal of little width. `settings` are shown in
    columns of their own, in place of what each run changes of its recipe.
    """
    between = "\n" if width < WIDE else " "
    columns = ["changes"] if settings is None else settings
    table = Table(
        Column("run", width=10),
        Column("name", width=12),
        f"source,{between}protocol,{between}recipe",
        number("reviews"),
        number("accuracy,\nbaseline"),
        *columns,
        rows=(_list_cells(run, between, settings) for run in found.runs),
    )
    passed = [Text(f"passed over: {folder.reason}", style="yellow") for folder in found.unreadable]
    return [*([table] if found.runs else []), *passed]


def run_details(run: RunDetails) -> Shown:
    """Return all that `show` prints of one run."""
    files = ([name, f"{it.size:,}", it.sha256[:12]] for name, it in run.manifest.files.items())
    return [
        Text(headline(run.manifest.score), style="bold"),
        _facts(_details_lines(run)),
        *_slices(run.manifest),
        Text("\nsteps", style="bold"),
        steps_table(run.manifest.steps),
        Text("\nfiles", style="bold"),
        Table("file", number("bytes"), "sha256", rows=files),
    ]


def _slices(manifest: Manifest) -> Shown:
    """Return the accuracy by slice; a run of an earlier version has none."""
    if not manifest.slices:
        return []
    return [Text("\nslices of the test reviews", style="bold"), slices_table(manifest.slices)]


def run_comparison(comparison: Comparison) -> Shown:
    """Return scores, differences and tests of several runs, and how to read them."""
    return [
        Text("scores", style="bold"),
        scores_table(comparison),
        Text("\ndifferences", style="bold"),
        differences_table(comparison) or "none",
        Text("\nthe same test reviews, judged by two models", style="bold"),
        tests_table(comparison),
        *_titled(common_table(comparison.common) if comparison.common else None),
        *_titled(compared_slices(comparison)),
        *(Text(note, style="dim") for note in comparison.notes),
    ]


def _titled(table: Table | None) -> Shown:
    return [Text(f"\n{table.title.lower()}", style="bold"), table] if table else []


def failure_list(found: Failures) -> Shown:
    """Return each failure with its reason and what to do, and what cannot be read."""
    shown: Shown = []
    for one in found.failures:
        step = f" in {one.last_step}" if one.last_step else ""
        head = f"{one.failed_at:%Y-%m-%d %H:%M} UTC, {one.flow}, {one.flow_run_name}"
        shown.append(Text(f"{head}: {one.state}{step}", style="bold"))
        shown.append(_facts([("reason", one.reason), ("next", one.next)]))
    passed = [
        Text(f"passed over: {file.folder}: {file.reason}", style="yellow")
        for file in found.unreadable
    ]
    return [*shown, *passed] or [Text("no run has failed")]


def _facts(lines: Iterable[tuple[str, str]]) -> RichTable:
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    for name, value in lines:
        grid.add_row(Text(name, style="dim"), Text(printable(value)))
    return grid


def _list_cells(run: RunLine, between: str, settings: Sequence[str] | None) -> list[str]:
    bounds = interval_text(run.accuracy_low, run.accuracy_high)
    marks = {
        "champion": run.is_champion,
        "pinned": run.is_pinned,
        f"{run.cached_steps} of {run.steps} cached": run.cached_steps > 0,
    }
    head = f"{short_id(run.run_id)} {when(run.created)}".replace(" ", between)
    tags = [f"#{tag}" for tag in run.tags]
    if settings is not None:
        last = [value_text(run.settings.get(name)) for name in settings]
    elif run.changes is None:
        last = ["not readable"]
    else:
        last = [", ".join(f"{one.name} {value_text(one.value)}" for one in run.changes)]
    return [
        "\n".join([head, *(mark for mark, is_set in marks.items() if is_set)]),
        "\n".join(filter(None, [run.name, " ".join(tags), run.note])),
        between.join([run.source, run.protocol, run.recipe or "?"]),
        f"{run.train_reviews:,}\n+ {run.test_reviews:,}",
        f"{run.accuracy:.4f}{between}({bounds})\n{run.baseline_accuracy:.4f}{run.baseline_mark}",
        *last,
    ]


def _details_lines(run: RunDetails) -> Iterable[tuple[str, str]]:
    manifest = run.manifest
    yield "run", f"{manifest.run_id}{', the champion' if run.is_champion else ''}"
    for name, value in run.naming.model_dump().items():
        if value:
            yield name, value if isinstance(value, str) else ", ".join(value)
    yield "folder", str(run.folder)
    yield "when (UTC)", when(manifest.created)
    for baseline in manifest.baselines:
        bounds = interval_text(baseline.accuracy_low, baseline.accuracy_high)
        yield "baseline", f"{baseline.accuracy:.4f} ({bounds}), {baseline.called}"
    yield "other scores", _other_scores(run)
    yield "calibration", calibration_sentence(run.metrics)
    if "cost" in run.metrics:
        yield "cost", cost_sentence(run.metrics["cost"])
    yield "time", f"{total_seconds(manifest):.0f} s in all steps"
    yield "epochs", f"{manifest.training.best_epoch} is the best of {manifest.training.epochs_run}"
    yield "settings", _settings(run)
    labels = run.data["label_names"]
    if len(labels) > 2:  # noqa: PLR2004 - of two the scores are of the second one
        left = len(labels) - _SHOWN_LABELS
        shown = ", ".join(labels[:_SHOWN_LABELS])
        yield "labels", f"{len(labels)}: {shown}{f' and {left} more' if left > 0 else ''}"
    yield "data", _data(run)
    if manifest.vectors:
        yield "vectors", manifest.vectors.sentence
    yield "device", f"{manifest.device.name} ({manifest.device.reason})"
    yield "machine", ", ".join(f"{name} {value}" for name, value in manifest.machine.items())
    yield "versions", ", ".join(f"{name} {value}" for name, value in manifest.versions.items())
    yield "git", _git(manifest)


def _other_scores(run: RunDetails) -> str:
    names = ("loss", "roc_auc", "brier", "expected_calibration_error", *SEVERAL)
    known = (name for name in names if name in run.metrics)
    return ", ".join(f"{name} {run.metrics[name]:.4f}" for name in known)


def _settings(run: RunDetails) -> str:
    changed = [
        f"{setting.name} {value_text(setting.value)} (default {value_text(setting.default)})"
        for setting in run.changed_settings
    ]
    return "\n".join(changed) or "all at their defaults"


def _data(run: RunDetails) -> str:
    prints = run.manifest.fingerprints
    return (
        f"{run.data['train']['reviews']:,} training reviews ({prints['train'][:12]}),"
        f" {run.data['test']['reviews']:,} test reviews ({prints['test'][:12]});"
        f" {run.data['overlap']['test_reviews_seen_in_train']:,} of these occur in training;"
        f" {run.manifest.source.reason}"
    )


def _git(manifest: Manifest) -> str:
    if manifest.git["commit"] is None:
        return "not from a git checkout"
    return f"{manifest.git['commit']}{' with changes' if manifest.git['changed'] else ''}"


def headline(score: Score) -> str:
    """Return the score in one line, with what it was measured on and how."""
    name, value, low, high = score.lead
    why = "" if score.macro_f1 is None else "labels not balanced, here each weighs the same; "
    return (
        f"Test {name.title()}: {value:.4f} (95 % interval {low:.4f} to"
        f" {high:.4f}; {why}{score.protocol} protocol, {score.test_reviews:,} test"
        f" reviews, source {score.source_label})"
    )
