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
    trained: Sequence[RunSummary],
    controls: Sequence[list[ControlScore]],
) -> AblationReport:
    """Return the report of trainings that differ in text and seed alone.

    Args:
        variants: The configs, with the first seed; the first one is what the others vary.
        trained: Summaries of the runs, all variants with the first seed, then with the next one.
        controls: Of each variant, those that see the same.

    Raises:
        BadDataError: A file of a run is damaged.
    """
    found = [Run(folder=one.folder, manifest=read_manifest(one.folder)) for one in trained]
    runs = [found[place :: len(variants)] for place in range(len(variants))]
    base = found[0].manifest
    right_of_base = _rightly(runs[0])
    return AblationReport(
        config=variants[0],
        source=base.score.source,
        test_reviews=base.score.test_reviews,
        results=[
            _result(config, by_seed, seen, runs[0], right_of_base)
            for config, by_seed, seen in zip(variants, runs, controls, strict=True)
        ],
        whole_controls=base.controls,
    )


def _result(
    config: TrainingConfig,
    found: list[Run],
    controls: list[ControlScore],
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
        over_reviews=None if is_base else paired_difference(_rightly(found), right_of_base),
        controls=controls,
    )


def _run(run: Run) -> VariantRun:
    best = run.manifest.training.best_epoch - 1
    return VariantRun(
        seed=run.manifest.seed,
        run_id=run.folder.name,
        accuracy=run.manifest.score.accuracy,
        validation_accuracy=read_history(run)["val_accuracy"][best],
    )


def _accuracies(found: Sequence[Run]) -> dict[int, float]:
    return {run.manifest.seed: run.manifest.score.accuracy for run in found}


def _rightly(found: Sequence[Run]) -> np.ndarray:
    """Return the share of the seeds that judged each test review rightly, shape (n,)."""
    import numpy as np

    judged = [read_predictions(checked_file(run, PREDICTIONS)).correct for run in found]
    shares: np.ndarray = np.mean(judged, axis=0)
    return shares
