"""The page of a comparison: its tables, and the curves of its runs in one picture each."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.common.formatting import interval_text, p_text, short_id, when
from tasks.common.tables import Column, Table, number
from tasks.config.training import value_text
from tasks.evaluation.significance import difference_text
from tasks.reports.html import image_uri, render_page, score
from tasks.reports.style import COLOURS, QUIET, chart_style, new_chart, save_chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tasks.runs.compare import ComparedRun, Comparison, Judgement


_MARKERS = ("o", "s", "^", "D", "v", "P")

Histories = dict[str, dict[str, list[float]]]


def compare_page(comparison: Comparison, histories: Histories) -> str:
    """Return one HTML page that needs no other file and asks for nothing outside.

    Args:
        comparison: What `compare_runs` returned.
        histories: Content of `history.json` by run id. Runs that cannot be compared are not
            drawn: they validate on other reviews.
    """
    drawn = {run.run_id: histories[run.run_id] for run in comparison.runs if run.scores}
    return render_page(
        "compare.html.jinja",
        title=f"Comparison of {len(comparison.runs)} runs",
        comparison=comparison,
        charts={name: _chart(name, drawn) for name in ("loss", "accuracy")},
        texts={name: _chart_text(name, drawn) for name in ("loss", "accuracy")},
        left_out=[short_id(run.run_id) for run in comparison.runs if not run.scores],
        scores=scores_table(comparison),
        tests=tests_table(comparison),
        differences=differences_table(comparison),
    )


def scores_table(comparison: Comparison) -> Table:
    """Return what each run scores."""
    extra = (Column(head, is_extra=True) for head in ("naive Bayes", "ROC AUC", "loss"))
    return Table(
        "run",
        "source",
        "protocol",
        Column("accuracy (95 %)", width=len("(0.8770 to 0.8851)")),
        "control",
        *extra,
        "epoch",
        Column("when (UTC)", is_extra=True),
        "seconds",
        rows=map(_score_cells, comparison.runs),
        title="Scores of the runs",
    )


def _score_cells(run: ComparedRun) -> list[str]:
    scores = [f"not comparable: {run.not_comparable}", "", "", "", ""]
    if run.scores is not None:
        judged = run.scores.network
        scores = [
            f"{score(judged.accuracy)}"
            f" ({interval_text(judged.accuracy_low, judged.accuracy_high)})",
            score(run.scores.control.accuracy),
            score(run.scores.bayes_control.accuracy),
            score(run.scores.roc_auc),
            score(run.scores.loss),
        ]
    return [
        short_id(run.run_id),
        run.source,
        run.protocol,
        *scores,
        f"{run.training.best_epoch}/{run.training.epochs_run}",
        when(run.created),
        f"{run.seconds:.0f}{', cached' if run.all_cached else ''}",
    ]


def tests_table(comparison: Comparison) -> Table:
    """Return the tests of each run against the first one, and against its own controls."""
    # Without the name of the classifier, which is that of all controls.
    against = [(one, short_id(one.against)) for one in comparison.against_first]
    against += [(one, one.against.partition(" + ")[0]) for one in comparison.against_control]
    return Table(
        "run",
        "against",
        "only it right",
        "only other right",
        number("difference (95 %)"),
        number("p"),
        rows=([short_id(one.run_id), *_test_cells(one, other)] for one, other in against),
        title="Paired tests (McNemar, exact) of two models on the same test reviews",
    )


def _test_cells(judgement: Judgement, against: str) -> list[str]:
    test = judgement.test
    if test is None:
        return [f"{against}, not comparable: {judgement.not_comparable}", "", "", "", ""]
    return [
        against,
        f"{test.only_first_right:,}",
        f"{test.only_second_right:,}",
        difference_text(test),
        p_text(test.p_value),
    ]


def differences_table(comparison: Comparison) -> Table | None:
    """Return what differs between the runs, None where nothing does."""
    if not comparison.differences:
        return None
    return Table(
        "name",
        *(short_id(run.run_id) for run in comparison.runs),
        rows=([one.name, *map(value_text, one.values)] for one in comparison.differences),
        title="Settings, versions and machines that differ",
    )


def _chart(name: str, histories: Histories) -> str:
    with tempfile.TemporaryDirectory() as folder, chart_style():
        figure, axes = new_chart()
        for number, (run_id, history) in enumerate(histories.items()):
            _draw_run(axes, number, short_id(run_id), history[name], history[f"val_{name}"])
        _finish(axes, name)
        path = Path(folder) / f"{name}.svg"
        save_chart(figure, path)
        return image_uri(path)


def _draw_run(
    axes: Axes, number: int, label: str, training: list[float], validation: list[float]
) -> None:
    colour = COLOURS[number % len(COLOURS)]
    # With more runs than colours the marker tells them apart.
    marker = _MARKERS[number // len(COLOURS) % len(_MARKERS)]
    epochs = range(1, len(training) + 1)
    axes.plot(epochs, training, "--", color=colour, linewidth=1)
    axes.plot(epochs, validation, "-", color=colour, marker=marker, label=label)


def _finish(axes: Axes, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.plot([], [], "--", color=QUIET, linewidth=1, label="training")
    axes.set(xlabel="Epoch", ylabel=name.capitalize())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.legend()


def _chart_text(name: str, histories: Histories) -> str:
    """Return in words what a chart shows."""
    best = min if name == "loss" else max
    ends = [
        f"{short_id(run_id)} {best(history[f'val_{name}']):.4f}"
        for run_id, history in histories.items()
    ]
    return f"Validation {name} by epoch; at best {', '.join(ends)}"
