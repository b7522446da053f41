"""Charts of a run's report, each one SVG file."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter, MaxNLocator, PercentFormatter
from sklearn.metrics import precision_recall_curve, roc_curve

from tasks.evaluation.metrics import BINS
from tasks.evaluation.slices import Predictions
from tasks.model.answers import one_against_rest
from tasks.reports.plot import draw_curves
from tasks.reports.run_report import CHARTS
from tasks.reports.style import BLUE, GREEN, INK, ORANGE, QUIET, chart_style, new_chart, save_chart
from tasks.training.plan import best_epoch

_NETWORK: dict[str, Any] = {"color": BLUE, "linewidth": 2, "label": "network"}

_BASELINE: dict[str, Any] = {
    "color": ORANGE,
    "linewidth": 1.5,
    "linestyle": "--",
    "label": "linear baseline",
}

_REFERENCE: dict[str, Any] = {"color": QUIET, "linewidth": 1, "linestyle": ":"}
_CURVE_POINTS = 400


def draw_analysis(
    history: dict[str, list[float]],
    analysis: dict[str, Any],
    metrics: dict[str, Any],
    network: Predictions,
    baseline: Predictions,
    folder: Path,
) -> None:
    """Write one `.svg` file for each name in `CHARTS`.

    `history` has one list per metric, with one number per epoch; `analysis` is what
    `analyse_predictions` returned, `metrics` what `metrics.json` holds; both predictions are of the
    test reviews.
    """
    drawings: dict[str, Callable[[Axes], None]] = {
        "training_loss": lambda axes: draw_curves(axes, "loss", history, BLUE),
        "training_accuracy": lambda axes: draw_curves(axes, "accuracy", history, ORANGE),
        "learning_rate": lambda axes: _draw_learning_rate(axes, history),
        "roc": lambda axes: _draw_roc(axes, network, baseline),
        "precision_recall": lambda axes: _draw_precision_recall(axes, network, baseline),
        "reliability": lambda axes: _draw_reliability(axes, analysis["reliability"]),
        "abstention": lambda axes: _draw_abstention(axes, metrics),
        "by_length": lambda axes: _draw_by_length(axes, analysis["by_length"]),
        "by_unknown": lambda axes: _draw_by_unknown(axes, analysis["by_unknown"]),
    }
    with chart_style():
        for name in CHARTS:
            figure, axes = new_chart()
            drawings[name](axes)
            save_chart(figure, folder / f"{name}.svg")


def _draw_learning_rate(axes: Axes, history: dict[str, list[float]]) -> None:
    losses, rates = history["val_loss"], history["learning_rate"]
    epochs = range(1, len(losses) + 1)
    best = best_epoch(history)
    axes.plot(epochs, losses, color=BLUE, marker="o", label="validation loss")
    axes.plot(best, min(losses), "*", color=GREEN, markersize=16, label=f"best epoch: {best}")
    axes.set(xlabel="Epoch", ylabel="Validation loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    right = axes.twinx()
    right.step(epochs, rates, where="mid", color=ORANGE, linestyle="--", label="learning rate")
    right.set(ylabel="Learning rate", yscale="log", ylim=(min(rates) / 3, max(rates) * 3))
    # Powers of ten as formulas take a second.
    right.yaxis.set_major_formatter(LogFormatter())
    right.yaxis.set_minor_formatter(LogFormatter())
    right.spines["right"].set_visible(True)
    right.grid(visible=False)
    lines = [*axes.get_lines(), *right.get_lines()]
    axes.legend(lines, [str(line.get_label()) for line in lines])


def _draw_roc(axes: Axes, network: Predictions, baseline: Predictions) -> None:
    for made, look in ((network, _NETWORK), (baseline, _BASELINE)):
        given, came_true = one_against_rest(made.probability, made.label)
        false_positive, true_positive, _ = roc_curve(came_true, given)
        _draw_curve(axes, false_positive, true_positive, look)
    axes.plot([0, 1], [0, 1], label="chance", **_REFERENCE)
    axes.set(xlabel="False positive rate", ylabel="True positive rate")
    axes.legend(loc="lower right")


def _draw_precision_recall(axes: Axes, network: Predictions, baseline: Predictions) -> None:
    for made, look in ((network, _NETWORK), (baseline, _BASELINE)):
        given, came_true = one_against_rest(made.probability, made.label)
        precision, recall, _ = precision_recall_curve(came_true, given)
        _draw_curve(axes, recall, precision, look)
    axes.axhline(came_true.mean(), label="chance", **_REFERENCE)
    axes.set(xlabel="Recall", ylabel="Precision")
    axes.legend(loc="lower left")


def _draw_curve(axes: Axes, across: np.ndarray, up: np.ndarray, look: dict[str, Any]) -> None:
    """Draw a curve that may have more points than a chart can show."""
    shown = min(_CURVE_POINTS, len(across))
    rows = np.unique(np.linspace(0, len(across) - 1, shown).astype(int))
    axes.plot(across[rows], up[rows], **look)


def _draw_reliability(axes: Axes, bins: dict[str, list[dict[str, float]]]) -> None:
    axes.plot([0, 1], [0, 1], label="perfect", **_REFERENCE)
    for name, look in (("network", _NETWORK), ("baseline", _BASELINE)):
        points = [(part["mean_probability"], part["share_of_ones"]) for part in bins[name]]
        axes.plot(*zip(*points, strict=True), marker="o", **look)
    axes.set(xlabel="Probability given", ylabel="Share that was so", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")
    counts = axes.twinx()
    middles = [min(int(part["mean_probability"] * BINS), BINS - 1) for part in bins["network"]]
    counts.bar(
        [(middle + 0.5) / BINS for middle in middles],
        [part["reviews"] for part in bins["network"]],
        width=0.9 / BINS,
        color=BLUE,
        alpha=0.15,
    )
    counts.set(ylabel="Reviews (bars)")
    counts.grid(visible=False)


def _draw_abstention(axes: Axes, metrics: dict[str, Any]) -> None:
    """Draw the accuracy of the answers by their share; nothing where no level was measured."""
    shown = metrics.get("abstention_curve", [])
    shares, heights = ([one[name] for one in shown] for name in ("answered", "accuracy_answered"))
    bounds = [one["accuracy_answered_interval_95"] for one in shown]
    axes.fill_between(shares, *np.reshape(bounds, (-1, 2)).T, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(shares, heights, color=BLUE, linewidth=2)
    levels = defaultdict[tuple[float, float], list[str]](list)
    for one in metrics.get("abstention", []):
        if one["answered"]:
            levels[one["answered"], one["accuracy_answered"]].append(f"{one['level']:g}")
    for place, names in levels.items():
        axes.plot(*place, "o", color=BLUE)
        axes.annotate(", ".join(names), place, textcoords="offset points", xytext=(6, 5), color=INK)
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0, " %"))
    axes.set(xlabel="Share of the reviews that is answered", ylabel="Accuracy of the answers")


def _draw_by_length(axes: Axes, slices: dict[str, list[dict[str, float]]]) -> None:
    whole, cut = slices["whole"], slices["cut"]
    _draw_slices(axes, whole, 0, BLUE, "seen whole")
    _draw_slices(axes, cut, len(whole), ORANGE, "cut to the network's length")
    labels = [f"{part['lowest']:.0f}\nto {part['highest']:.0f}" for part in (*whole, *cut)]
    axes.set_xticks(range(len(labels)), labels)
    axes.set(xlabel="Tokens of the review", ylabel="Accuracy")
    axes.legend()


def _draw_by_unknown(axes: Axes, slices: list[dict[str, float]]) -> None:
    _draw_slices(axes, slices, 0, BLUE, "network")
    labels = [f"{100 * part['lowest']:.1f}\nto {100 * part['highest']:.1f} %" for part in slices]
    axes.set_xticks(range(len(labels)), labels)
    axes.set(xlabel="Words that the network does not know", ylabel="Accuracy")


def _draw_slices(
    axes: Axes, slices: list[dict[str, float]], first: int, colour: str, label: str
) -> None:
    """Draw one point with its 95 % interval per slice; nothing where there is none."""
    if not slices:
        return
    heights = [part["accuracy"] for part in slices]
    below = [part["accuracy"] - part["accuracy_low"] for part in slices]
    above = [part["accuracy_high"] - part["accuracy"] for part in slices]
    places = range(first, first + len(slices))
    axes.errorbar(places, heights, (below, above), fmt="o", color=colour, capsize=4, label=label)
    for place, part in zip(places, slices, strict=True):
        axes.annotate(
            f"{part['reviews']:,}",
            (place, part["accuracy_low"]),
            textcoords="offset points",
            xytext=(0, -12),
            ha="center",
            fontsize="small",
            color=INK,
        )
    axes.margins(x=0.1, y=0.2)
