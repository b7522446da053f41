"""The chart of an ablation: what each variant scores, with the baselines that see the same."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.config.training import TextConfig
from tasks.experiments.ablation import tokens_name, words_name
from tasks.experiments.side_by_side import SideBySide, TrainedGroup
from tasks.reports.style import BLUE, GREEN, ORANGE, chart_style, save_chart, save_picture
from tasks.runs.manifest import CLASSIFIER

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


def by_tokens(report: SideBySide) -> list[TrainedGroup]:
    """Return the config and the variants that differ in the tokens kept."""
    words = report.groups[0].config.text.num_words
    return [one for one in report.groups if one.config.text.num_words == words]


def by_words(report: SideBySide) -> list[TrainedGroup]:
    """Return the config and the variants that differ in the vocabulary, the smallest first."""
    base = report.groups[0].config.text
    same = {"num_words": base.num_words}
    found = [one for one in report.groups if one.config.text.model_copy(update=same) == base]
    return sorted(found, key=lambda one: one.config.text.num_words)


def draw_ablation(report: SideBySide, folder: Path) -> None:
    """Write `ablation.svg` and `ablation.png`: one panel for tokens, one for words.

    Each point is a test accuracy with its 95 % interval over test reviews; the lines are the
    baselines on whole reviews and all words.
    """
    base = report.groups[0].config.text
    with chart_style():
        figure = Figure(figsize=_INCHES, layout="constrained")
        tokens, words = figure.subplots(1, 2, sharey=True)
        handles = _draw(tokens, report, by_tokens(report), tokens_name)
        tokens.set(
            title=f"Tokens kept, with {words_name(base)} words",
            xlabel="Tokens kept of a long review",
            ylabel="Test accuracy",
        )
        _draw(words, report, by_words(report), words_name)
        words.set(
            title=f"Words known, with the {tokens_name(base)} tokens",
            xlabel="Size of the vocabulary",
        )
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
        save_chart(figure, folder / "ablation.svg")
        save_picture(figure, folder / "ablation.png")


def _draw(
    axes: Axes,
    report: SideBySide,
    results: Sequence[TrainedGroup],
    name: Callable[[TextConfig], str],
) -> list[Any]:
    """Draw one panel, and return what its legend shows."""
    baselines = [one.called.replace(CLASSIFIER, "") for one in report.whole_baselines]
    labels = ["network", *(f"{baseline}, on the same tokens and words" for baseline in baselines)]
    drawn: list[Any] = []
    columns = zip(*map(_points, results), strict=True)
    for series, (column, label, look) in enumerate(zip(columns, labels, _LOOKS, strict=True)):
        places = [place + _APART * (series - 1) for place in range(len(results))]
        middle, low, high = zip(*column, strict=True)
        below = [one - bound for one, bound in zip(middle, low, strict=True)]
        above = [bound - one for one, bound in zip(middle, high, strict=True)]
        drawn.append(axes.errorbar(places, middle, (below, above), capsize=3, label=label, **look))
    for whole, baseline, look, dashes in zip(
        report.whole_baselines, baselines, _LOOKS[1:], _DASHES, strict=True
    ):
        label = f"{baseline}, on whole reviews and all words"
        line = axes.axhline(whole.accuracy, color=look["color"], linestyle=dashes, label=label)
        drawn.append(line)
    texts, base = [one.config.text for one in results], report.groups[0].config.text
    ticks = [f"{name(text)}{_BASE if text == base else ''}" for text in texts]
    axes.set_xticks(range(len(results)), ticks)
    axes.set_xlim(-0.5, len(results) - 0.5)
    axes.grid(visible=False, axis="x")
    return drawn


def _points(result: TrainedGroup) -> list[tuple[float, float, float]]:
    """Return accuracy and bounds of the network, then those of each baseline."""
    network = (result.over_seeds.mean, *result.over_reviews)
    baselines = ((one.accuracy, one.accuracy_low, one.accuracy_high) for one in result.baselines)
    return [network, *baselines]
