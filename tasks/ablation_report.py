"""The record of an ablation: what each variant scores, with the controls that see the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.analyse_predictions import read_predictions
from tasks.find_runs import Run
from tasks.paired_difference import PairedDifference, paired_difference
from tasks.read_run import PREDICTIONS, checked_file, read_history
from tasks.records import Record
from tasks.run_manifest import ControlScore, RunSummary, read_manifest
from tasks.seed_statistics import SeedStatistics, Spread, gap, seed_statistics
from tasks.training_config import TextConfig, TrainingConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

ABLATION_JSON = "ablation.json"


class VariantRun(Record):
    """One training: seed, run folder's name, test accuracy, and that which chose the epoch."""

    seed: int
    run_id: str
    accuracy: float
    validation_accuracy: float


class VariantResult(Record):
    """What came of one form of the text.

    `difference` and `over_reviews` are test accuracies less those of the config itself, by the
    same seeds: over seeds, and over test reviews; None for the config itself. `controls` are the
    linear models that learned from the same cut tokens and words of the same reviews.
    """

    text: TextConfig
    runs: list[VariantRun]
    network: SeedStatistics
    validation_accuracy: float
    difference: Spread | None
    over_reviews: PairedDifference | None
    controls: list[ControlScore]


class AblationReport(Record):
    """What came of all variants, that of the config itself first.

    `whole_controls` are the linear models on whole reviews and all words.
    """

    config: TrainingConfig
    source: str
    test_reviews: int
    results: list[VariantResult]
    whole_controls: list[ControlScore]

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
    trained: Sequence[dict[int, RunSummary]],
    controls: Sequence[list[ControlScore]],
) -> AblationReport:
    """Return the report of trainings that differ in text and seed alone.

    Args:
        variants: The configs, with the first seed; the first one is what the others vary.
        trained: Summaries of the runs of each, by seed.
        controls: Of each, those that see the same.

    Raises:
        BadDataError: A file of a run is damaged.
    """
    runs = [{seed: _finished(one) for seed, one in by_seed.items()} for by_seed in trained]
    base, right_of_base = runs[0], _rightly(runs[0])
    manifest = next(iter(base.values())).manifest
    results = [
        _result(config, by_seed, seen, base, right_of_base)
        for config, by_seed, seen in zip(variants, runs, controls, strict=True)
    ]
    return AblationReport(
        config=variants[0],
        source=manifest.score.source,
        test_reviews=manifest.score.test_reviews,
        results=results,
        whole_controls=manifest.controls,
    )


def _finished(summary: RunSummary) -> Run:
    return Run(folder=summary.folder, manifest=read_manifest(summary.folder))


def _result(
    config: TrainingConfig,
    by_seed: dict[int, Run],
    controls: list[ControlScore],
    base: dict[int, Run],
    right_of_base: np.ndarray,
) -> VariantResult:
    runs = [_run(seed, run) for seed, run in sorted(by_seed.items())]
    accuracies = _accuracies(by_seed)
    test_reviews = next(iter(by_seed.values())).manifest.score.test_reviews
    is_base = by_seed is base
    return VariantResult(
        text=config.text,
        runs=runs,
        network=seed_statistics(accuracies, test_reviews),
        validation_accuracy=sum(run.validation_accuracy for run in runs) / len(runs),
        difference=None if is_base else gap(accuracies, _accuracies(base)),
        over_reviews=None if is_base else paired_difference(_rightly(by_seed), right_of_base),
        controls=controls,
    )


def _run(seed: int, run: Run) -> VariantRun:
    best = run.manifest.training.best_epoch - 1
    return VariantRun(
        seed=seed,
        run_id=run.folder.name,
        accuracy=run.manifest.score.accuracy,
        validation_accuracy=read_history(run)["val_accuracy"][best],
    )


def _accuracies(by_seed: dict[int, Run]) -> dict[int, float]:
    return {seed: run.manifest.score.accuracy for seed, run in sorted(by_seed.items())}


def _rightly(by_seed: dict[int, Run]) -> np.ndarray:
    """Return the share of the seeds that judged each test review rightly, shape (n,)."""
    import numpy as np

    found = [read_predictions(checked_file(run, PREDICTIONS)).correct for run in by_seed.values()]
    shares: np.ndarray = np.mean(found, axis=0)
    return shares
