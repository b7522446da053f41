"""Plot: the two charts of a training, loss and accuracy by epoch."""

import json
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tasks.common.atomic_files import whole_file

_INCHES = (12, 6)
_COLOURS = {"loss": "b", "accuracy": "r"}


def plot_history(history: Path, caption: str, folder: Path) -> None:
    """Write `loss` and `accuracy`, each as `.png` and `.svg`, 12 x 6 inches.

    `history` is the `history.json` of a training; the caption is drawn small at the right. Equal
    histories give equal bytes.
    """
    metrics = json.loads(history.read_text())
    for name, colour in _COLOURS.items():
        figure = Figure(figsize=_INCHES)  # not pyplot's: it needs no display, nothing stays open
        axes = figure.add_subplot()
        draw_curves(axes, name, metrics, colour)
        axes.set_title(caption, loc="right", fontsize="small", color="0.4")
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
    with mpl.rc_context({"svg.hashsalt": path.name}):
        for kind, metadata in (("png", {}), ("svg", {"Date": None})):
            with whole_file(path.with_suffix(f".{kind}")) as temporary:
                figure.savefig(temporary, format=kind, metadata=metadata)
