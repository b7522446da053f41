"""Plot: the two charts of a training, loss and accuracy by epoch."""

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tasks.reports.style import (
    QUIET,
    TUTORIAL_BLUE,
    TUTORIAL_RED,
    plain_style,
    save_chart,
    save_picture,
)

_INCHES = (12, 6)
_DOTS_PER_INCH = 100
_LARGE: dict[Any, Any] = {"font.size": 16, "lines.linewidth": 3, "lines.markersize": 9}
"""Prefect's UI shows pictures at half their size."""

_COLOURS = {"loss": TUTORIAL_BLUE, "accuracy": TUTORIAL_RED}


def plot_history(history: Path, caption: str, folder: Path) -> None:
    """Write `loss` and `accuracy`, each as `.png` and `.svg`, 12 x 6 inches.

    `history` is the `history.json` of a training; the caption is drawn small at the top. Equal
    histories give equal bytes.
    """
    metrics = json.loads(history.read_text())
    with plain_style(), mpl.rc_context(_LARGE):
        for name, colour in _COLOURS.items():
            figure = Figure(figsize=_INCHES)  # not pyplot's: needs no display, nothing stays open
            axes = figure.add_subplot()
            draw_curves(axes, name, metrics, colour)
            figure.text(0.9, 0.95, caption, ha="right", fontsize="small", color=QUIET)
            _save(figure, folder / name)


def draw_curves(axes: Axes, name: str, history: dict[str, list[float]], colour: str) -> None:
    """Draw one chart of a training by epoch: training as dots, validation as a line.

    `name` is `loss` or `accuracy`; `history` has one list per metric, with one number per epoch.
    """
    training, validation = history[name], history[f"val_{name}"]
    epochs = range(1, len(training) + 1)
    axes.plot(epochs, training, "o", color=colour, label=f"Training {name}")
    axes.plot(epochs, validation, color=colour, label=f"Validation {name}")
    axes.set_title(f"Training and validation {name}")
    axes.set_xlabel("Epochs")
    axes.set_ylabel(name.capitalize())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.legend()


def _save(figure: Figure, path: Path) -> None:
    save_picture(figure, path.with_suffix(".png"), _DOTS_PER_INCH)
    save_chart(figure, path.with_suffix(".svg"))
