"""The figure of an ablation: accuracies of the network and of both controls by variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.ablation import tokens_name, words_name
from tasks.chart_style import (
    BLUE,
    GREEN,
    ORANGE,
    chart_style,
    save_chart,
    save_picture,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from tasks.ablation_report import AblationReport, VariantResult
    from tasks.training_config import TextConfig

PICTURE = "ablation"
_INCHES = (10, 4.8)
_APART = 0.2
# Shapes and dashes tell apart what colours do not in print.
_LOOKS: list[dict[str, Any]] = [
    {"color": BLUE, "fmt": "o", "markersize": 7},
    {"color": ORANGE, "fmt": "s", "markersize": 6, "markerfacecolor": "none"},
    {"color": GREEN, "fmt": "^", "markersize": 7, "markerfacecolor": "none"},
]
_DASHES = ["--", ":"]
_BASE = "\n(the config)"


def draw_ablation(report: AblationReport, folder: Path) -> None:
    """Write `ablation.svg` and `ablation.png`: one panel for tokens, one for words.

    Each point is a test accuracy with its 95 % interval over test reviews; the lines are the
    controls on whole reviews and all words.
    """
    from matplotlib.figure import Figure

    base = report.config.text
    with chart_style():
        figure = Figure(figsize=_INCHES, layout="constrained")
        tokens, words = figure.subplots(1, 2, sharey=True)
        handles = _draw(tokens, report, report.by_tokens, tokens_name)
        tokens.set(
            title=f"Tokens kept, with {words_name(base)} words",
            xlabel="Tokens kept of a long review",
            ylabel="Test accuracy",
        )
        _draw(words, report, report.by_words, words_name)
        words.set(
            title=f"Words known, with the {tokens_name(base)} tokens",
            xlabel="Size of the vocabulary",
        )
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
        save_chart(figure, folder / f"{PICTURE}.svg")
        save_picture(figure, folder / f"{PICTURE}.png")


def _draw(
    axes: Axes,
    report: AblationReport,
    results: Sequence[VariantResult],
    name: Callable[[TextConfig], str],
) -> list[Any]:
    """Draw one panel, and return what its legend shows."""
    controls = [one.name.partition(" + ")[0] for one in report.whole_controls]
    labels = ["network", *(f"{control}, on the same tokens and words" for control in controls)]
    drawn: list[Any] = []
    columns = zip(*map(_points, results), strict=True)
    for series, (column, label, look) in enumerate(zip(columns, labels, _LOOKS, strict=True)):
        places = [place + _APART * (series - 1) for place in range(len(results))]
        middle, low, high = zip(*column, strict=True)
        below = [one - bound for one, bound in zip(middle, low, strict=True)]
        above = [bound - one for one, bound in zip(middle, high, strict=True)]
        drawn.append(axes.errorbar(places, middle, (below, above), capsize=3, label=label, **look))
    for whole, control, look, dashes in zip(
        report.whole_controls, controls, _LOOKS[1:], _DASHES, strict=True
    ):
        label = f"{control}, on whole reviews and all words"
        line = axes.axhline(whole.accuracy, color=look["color"], linestyle=dashes, label=label)
        drawn.append(line)
    base = report.config.text
    ticks = [f"{name(one.text)}{_BASE if one.text == base else ''}" for one in results]
    axes.set_xticks(range(len(results)), ticks)
    axes.set_xlim(-0.5, len(results) - 0.5)
    axes.grid(visible=False, axis="x")
    return drawn


def _points(result: VariantResult) -> list[tuple[float, float, float]]:
    """Return accuracy and bounds of the network, then those of each control."""
    network = (result.network.over_seeds.mean, *result.network.over_reviews)
    controls = ((one.accuracy, one.accuracy_low, one.accuracy_high) for one in result.controls)
    return [network, *controls]
