"""The record of an ablation: what each variant scores, with the baselines that see the same."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.common.records import Record
from tasks.config.training import TextConfig, TrainingConfig
from tasks.evaluation.significance import PairedDifference, paired_difference
from tasks.evaluation.slices import read_predictions
from tasks.experiments.ablation import tokens_name, words_name
from tasks.experiments.seeds import SeedRun, SeedStatistics, Spread, gap, seed_statistics
from tasks.reports.style import BLUE, GREEN, ORANGE, chart_style, save_chart, save_picture
from tasks.run_summary import RunSummary
from tasks.runs.find import Run
from tasks.runs.manifest import BaselineScore, read_manifest
from tasks.runs.read import PREDICTIONS, checked_file, read_checked


class VariantRun(SeedRun):
    """One training, with the validation accuracy of the chosen epoch."""

    validation_accuracy: float


class VariantResult(Record):
    """What came of one form of the text.

    `difference` and `over_reviews` are test accuracies less those of the config itself, by the
    same seeds: over seeds, and over test reviews; None for the config itself. `baselines` are the
    linear models that learned from the same cut tokens and words of the same reviews.
    """

    text: TextConfig
    runs: list[VariantRun]
    network: SeedStatistics
    validation_accuracy: float
    difference: Spread | None
    over_reviews: PairedDifference | None
    baselines: list[BaselineScore]


class AblationReport(Record):
    """What came of all variants, that of the config itself first.

    `whole_baselines` are the linear models on whole reviews and all words.
    """

    config: TrainingConfig
    source: str
    test_reviews: int
    results: list[VariantResult]
    whole_baselines: list[BaselineScore]

    @property
    def by_tokens(self) -> list[VariantResult]:
        """The variants that differ in the tokens kept."""
        words = self.config.text.num_words
        return [result for result in self.results if result.text.num_words == words]

    @property
    def by_words(self) -> list[VariantResult]:
        """The variants that differ in the size of the vocabulary, the smallest first."""
        base = self.config.text
        found = [
            result
            for result in self.results
            if result.text.model_copy(update={"num_words": base.num_words}) == base
        ]
        return sorted(found, key=lambda result: result.text.num_words)


def ablation_report(
    variants: Sequence[TrainingConfig],
    trained: Sequence[RunSummary],
    baselines: Sequence[list[BaselineScore]],
) -> AblationReport:
    """Return the report of trainings that differ in text and seed alone.

    The first of the `variants` is what the others vary. `trained` has all variants with the first
    seed, then with the next one. `baselines` are, for each variant, those that see the same.

    Raises:
        BadDataError: A file of a run is damaged.
    """
    found = [Run(folder=one.folder, manifest=read_manifest(one.folder)) for one in trained]
    runs = [found[place :: len(variants)] for place in range(len(variants))]
    base = found[0].manifest
    right_of_base = _correctness(runs[0])
    return AblationReport(
        config=variants[0],
        source=base.score.source,
        test_reviews=base.score.test_reviews,
        results=[
            _result(config, by_seed, seen, runs[0], right_of_base)
            for config, by_seed, seen in zip(variants, runs, baselines, strict=True)
        ],
        whole_baselines=base.baselines,
    )


def _result(
    config: TrainingConfig,
    found: list[Run],
    baselines: list[BaselineScore],
    base: list[Run],
    right_of_base: np.ndarray,
) -> VariantResult:
    runs = [_run(run) for run in found]
    accuracies = _accuracies(found)
    is_base = found is base
    return VariantResult(
        text=config.text,
        runs=runs,
        network=seed_statistics(accuracies, found[0].manifest.score.test_reviews),
        validation_accuracy=sum(run.validation_accuracy for run in runs) / len(runs),
        difference=None if is_base else gap(accuracies, _accuracies(base)),
        over_reviews=None if is_base else paired_difference(_correctness(found), right_of_base),
        baselines=baselines,
    )


def _run(run: Run) -> VariantRun:
    best = run.manifest.training.best_epoch - 1
    return VariantRun(
        seed=run.manifest.seed,
        run_id=run.folder.name,
        accuracy=run.manifest.score.accuracy,
        validation_accuracy=read_checked(run, "history.json")["val_accuracy"][best],
    )


def _accuracies(found: Sequence[Run]) -> dict[int, float]:
    return {run.manifest.seed: run.manifest.score.accuracy for run in found}


def _correctness(found: Sequence[Run]) -> np.ndarray:
    """Return the share of the seeds that judged each test review correctly, shape (n,)."""
    judged = [read_predictions(checked_file(run, PREDICTIONS)).correct for run in found]
    shares: np.ndarray = np.mean(judged, axis=0)
    return shares


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
    baselines on whole reviews and all words.
    """
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
    baselines = [one.name.partition(" + ")[0] for one in report.whole_baselines]
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
    base = report.config.text
    ticks = [f"{name(one.text)}{_BASE if one.text == base else ''}" for one in results]
    axes.set_xticks(range(len(results)), ticks)
    axes.set_xlim(-0.5, len(results) - 0.5)
    axes.grid(visible=False, axis="x")
    return drawn


def _points(result: VariantResult) -> list[tuple[float, float, float]]:
    """Return accuracy and bounds of the network, then those of each baseline."""
    network = (result.network.over_seeds.mean, *result.network.over_reviews)
    baselines = ((one.accuracy, one.accuracy_low, one.accuracy_high) for one in result.baselines)
    return [network, *baselines]
