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
        _draw(tokens, report, report.by_tokens, tokens_name)
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
        handles, labels = tokens.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        save_chart(figure, folder / f"{PICTURE}.svg")
        save_picture(figure, folder / f"{PICTURE}.png")


def _draw(
    axes: Axes,
    report: AblationReport,
    results: Sequence[VariantResult],
    name: Callable[[TextConfig], str],
) -> None:
    scores = [
        [(result.network.over_seeds.mean, *result.network.over_reviews) for result in results],
        *(
            [
                (one.accuracy, one.accuracy_low, one.accuracy_high)
                for one in (result.controls[place] for result in results)
            ]
            for place in range(len(report.whole_controls))
        ),
    ]
    names = ["network", *(f"{one.name}, on what the network sees" for one in report.whole_controls)]
    for series, (points, label, look) in enumerate(zip(scores, names, _LOOKS, strict=True)):
        places = [place + _APART * (series - 1) for place in range(len(results))]
        middle = [point[0] for point in points]
        below = [point[0] - point[1] for point in points]
        above = [point[2] - point[0] for point in points]
        axes.errorbar(places, middle, (below, above), capsize=3, label=label, **look)
    for control, look, dashes in zip(report.whole_controls, _LOOKS[1:], _DASHES, strict=True):
        label = f"{control.name}, on whole reviews and all words"
        axes.axhline(control.accuracy, color=look["color"], linestyle=dashes, label=label)
    base = report.config.text
    labels = [
        f"{name(one.text)}\n(the config)" if one.text == base else name(one.text) for one in results
    ]
    axes.set_xticks(range(len(results)), labels)
    axes.set_xlim(-0.5, len(results) - 0.5)
    axes.grid(visible=False, axis="x")
