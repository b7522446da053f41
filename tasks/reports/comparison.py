"""The page of a comparison: its tables, and the curves of its runs in one picture each."""

import tempfile
from itertools import cycle, product
from pathlib import Path

from matplotlib.ticker import MaxNLocator

from tasks.common.formatting import short_id
from tasks.reports.html import image_uri, render
from tasks.reports.style import COLOURS, QUIET, chart_style, new_chart, save_chart
from tasks.reports.tables import (
    common_table,
    compared_slices,
    differences_table,
    scores_table,
    tests_table,
)
from tasks.runs.compare import Comparison

LOOKS = list(product(("o", "s", "^", "D", "v", "P"), COLOURS))
"""Marker and colour of each run: with more runs than colours the marker tells them apart."""

Histories = dict[str, dict[str, list[float]]]


def compare_page(comparison: Comparison, histories: Histories) -> str:
    """Return one HTML page that needs no other file and asks for nothing outside.

    `histories` are the contents of `history.json` by run id. Runs that cannot be compared are not
    drawn: they validate on other reviews.
    """
    left_out = [run.run_id for run in comparison.runs if run.not_comparable]
    drawn = {name: history for name, history in histories.items() if name not in left_out}
    return render(
        "compare.html.jinja",
        title=f"Comparison of {len(comparison.runs)} runs",
        comparison=comparison,
        charts={name: _chart(name, drawn) for name in ("loss", "accuracy")},
        texts={name: _chart_text(name, drawn) for name in ("loss", "accuracy")},
        left_out=[short_id(name) for name in left_out],
        scores=scores_table(comparison),
        tests=tests_table(comparison),
        differences=differences_table(comparison),
        common=common_table(comparison.common) if comparison.common else None,
        slices=compared_slices(comparison),
    )


def _chart(name: str, histories: Histories) -> str:
    with tempfile.TemporaryDirectory() as folder, chart_style():
        figure, axes = new_chart()
        for (run_id, history), (marker, colour) in zip(histories.items(), cycle(LOOKS)):
            training, validation = history[name], history[f"val_{name}"]
            epochs = range(1, len(training) + 1)
            axes.plot(epochs, training, "--", color=colour, linewidth=1)
            axes.plot(epochs, validation, color=colour, marker=marker, label=short_id(run_id))
        axes.plot([], [], "--", color=QUIET, linewidth=1, label="training")
        axes.set(xlabel="Epoch", ylabel=name.capitalize())
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.legend()
        path = Path(folder) / f"{name}.svg"
        save_chart(figure, path)
        return image_uri(path)


def _chart_text(name: str, histories: Histories) -> str:
    """Return in words what a chart shows."""
    best = min if name == "loss" else max
    ends = [
        f"{short_id(run_id)} {best(history[f'val_{name}']):.4f}"
        for run_id, history in histories.items()
    ]
    return f"Validation {name} by epoch; at best {', '.join(ends)}"
