"""Tables and lines for the terminal, made from what `tasks` says of runs."""

import textwrap
from collections.abc import Iterable

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from flows.train_command import cache_table, headline
from tasks.compare_runs import ComparedRun, Comparison, Judgement
from tasks.describe_run import RunDetails, RunLine, RunList, total_seconds
from tasks.failure_record import Failures
from tasks.run_manifest import Manifest, RunFile
from tasks.run_text import difference_text, interval_text, p_text, short_id, value_text, when

_WIDE = 110
_AGAINST_WIDTH = 11
_INTERVAL_WIDTH = len("(0.8770 to 0.8851)")


def run_list(found: RunList, width: int) -> list[RenderableType]:
    """Return the table of all runs, and a line for each folder that cannot be read.

    Args:
        found: The runs.
        width: Of the terminal; a narrow one gets two lines for each run.
    """
    between = "\n" if width < _WIDE else " "
    table = plain_table(
        "run",
        "when (UTC)",
        f"source,{between}protocol",
        "seed",
        "accuracy",
        "control",
        "epoch",
        "hits",
    )
    if width < _WIDE:
        table.padding = (0, 0, 0, 0)
    for run in found.runs:
        table.add_row(*_list_cells(run, between))
    passed = [Text(f"passed over: {folder.reason}", style="yellow") for folder in found.unreadable]
    return [*([table] if found.runs else []), *passed]


def run_details(run: RunDetails) -> list[RenderableType]:
    """Return all that `show` prints of one run."""
    return [
        Text(headline(run.manifest.score), style="bold"),
        _facts(_details_lines(run)),
        Text("\nsteps", style="bold"),
        cache_table(run.manifest.steps),
        Text("\nfiles", style="bold"),
        _files_table(run.manifest.files),
    ]


def run_comparison(comparison: Comparison) -> list[RenderableType]:
    """Return scores, differences and tests of several runs, and how to read them."""
    return [
        Text("scores", style="bold"),
        _scores_table(comparison.runs),
        Text("\ndifferences", style="bold"),
        _differences_table(comparison),
        Text("\nthe same test reviews, judged by two models", style="bold"),
        _tests_table(comparison),
        *(Text(note, style="dim") for note in comparison.notes),
    ]


def failure_list(found: Failures) -> list[RenderableType]:
    """Return each failure with its reason and what to do, and what cannot be read."""
    shown: list[RenderableType] = []
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


def plain_table(*columns: str) -> Table:
    """Return an empty table without frames."""
    return Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)


def _facts(lines: Iterable[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for name, value in lines:
        grid.add_row(Text(name, style="dim"), Text(value))
    return grid


def _list_cells(run: RunLine, between: str) -> tuple[str, ...]:
    bounds = interval_text(run.accuracy_low, run.accuracy_high)
    return (
        between.join([short_id(run.run_id), *_marks(run)]),
        when(run.created).replace(" ", between),
        f"{run.source}{between}{run.protocol}",
        str(run.seed),
        f"{run.accuracy:.4f}{between}({bounds})",
        f"{run.control_accuracy:.4f}",
        f"{run.best_epoch}/{run.epochs_run}",
        "all" if run.all_cached else "",
    )


def _marks(run: RunLine) -> list[str]:
    marks = {"champion": run.is_champion, "pinned": run.is_pinned}
    return [mark for mark, is_set in marks.items() if is_set]


def _details_lines(run: RunDetails) -> Iterable[tuple[str, str]]:
    manifest = run.manifest
    yield "run", f"{manifest.run_id}{', the champion' if run.is_champion else ''}"
    yield "folder", str(run.folder)
    yield "when (UTC)", when(manifest.created)
    for control in manifest.controls:
        bounds = interval_text(control.accuracy_low, control.accuracy_high)
        yield "control", f"{control.accuracy:.4f} ({bounds}), {control.name}"
    yield "other scores", _other_scores(run)
    yield "time", f"{total_seconds(manifest):.0f} s in all steps"
    yield "epochs", f"{manifest.training.best_epoch} is the best of {manifest.training.epochs_run}"
    yield "settings", _settings(run)
    yield "data", _data(run)
    yield "device", f"{manifest.device.name} ({manifest.device.reason})"
    yield "machine", ", ".join(f"{name} {value}" for name, value in manifest.machine.items())
    yield "versions", ", ".join(f"{name} {value}" for name, value in manifest.versions.items())
    yield "git", _git(manifest)


def _other_scores(run: RunDetails) -> str:
    names = ("loss", "roc_auc", "brier", "expected_calibration_error")
    return ", ".join(f"{name} {run.metrics[name]:.4f}" for name in names)


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


def _files_table(files: dict[str, RunFile]) -> Table:
    table = plain_table("file", "bytes", "sha256")
    table.columns[1].justify = "right"
    for name, file in files.items():
        table.add_row(name, f"{file.size:,}", file.sha256[:12])
    return table


def _scores_table(runs: list[ComparedRun]) -> Table:
    table = plain_table("run", "source", "protocol", "accuracy", "control", "epoch", "seconds")
    table.columns[3].min_width = _INTERVAL_WIDTH
    for run in runs:
        table.add_row(
            short_id(run.run_id),
            run.source,
            run.protocol,
            *_score_cells(run),
            f"{run.training.best_epoch}/{run.training.epochs_run}",
            f"{run.seconds:.0f}{', cached' if run.all_cached else ''}",
        )
    return table


def _score_cells(run: ComparedRun) -> tuple[str, str]:
    if run.scores is None:
        return f"not comparable: {run.not_comparable}", ""
    score = run.scores.network
    bounds = interval_text(score.accuracy_low, score.accuracy_high)
    return f"{score.accuracy:.4f} ({bounds})", f"{run.scores.control.accuracy:.4f}"


def _differences_table(comparison: Comparison) -> RenderableType:
    if not comparison.differences:
        return Text("none")
    table = plain_table("", *(short_id(run.run_id) for run in comparison.runs))
    for difference in comparison.differences:
        table.add_row(difference.name, *map(value_text, difference.values))
    return table


def _tests_table(comparison: Comparison) -> Table:
    table = plain_table("run", "against", "only it\nright", "only other\nright", "difference", "p")
    table.columns[4].min_width = _INTERVAL_WIDTH + 2  # for the signs
    table.columns[5].no_wrap = True
    for judgement in comparison.against_first:
        other = short_id(judgement.against)
        table.add_row(short_id(judgement.run_id), other, *_test_cells(judgement))
    for judgement in comparison.against_control:
        # Without the name of the classifier, which is that of all controls.
        control = textwrap.fill(judgement.against.partition(" + ")[0], _AGAINST_WIDTH)
        table.add_row(short_id(judgement.run_id), control, *_test_cells(judgement))
    return table


def _test_cells(judgement: Judgement) -> tuple[str, ...]:
    test = judgement.test
    if test is None:
        return "", "", f"not comparable: {judgement.not_comparable}", ""
    return (
        f"{test.only_first_right:,}",
        f"{test.only_second_right:,}",
        difference_text(test),
        p_text(test.p_value),
    )
