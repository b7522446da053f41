"""Trainings side by side: groups that differ in one thing, each trained with the same seeds."""

import statistics
from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from tasks.common.records import Record
from tasks.config.training import TrainingConfig
from tasks.evaluation.metrics import wilson_interval
from tasks.evaluation.significance import PairedDifference, paired_difference
from tasks.evaluation.slices import read_predictions
from tasks.run_summary import RunSummary
from tasks.runs.find import Run
from tasks.runs.manifest import BaselineScore, read_manifest
from tasks.runs.read import PREDICTIONS, checked_file, read_checked

_CONFIDENCE = 0.95


class Spread(Record):
    """Mean, standard deviation and 95 % interval of the mean over seeds.

    The interval is Student's: it says where the mean of all seeds may lie. With one seed there is
    neither deviation nor interval.
    """

    mean: float
    deviation: float | None = None
    low: float | None = None
    high: float | None = None


class TrainedRun(Record):
    """One training: its seed, its run folder, and the accuracies of the epoch that was chosen."""

    seed: int
    run_id: str
    accuracy: float
    validation_accuracy: float


class TrainedGroup(Record):
    """One config, trained with several seeds, and what their test accuracies say.

    `over_seeds` says how far the seed matters; `over_reviews` are the bounds of the 95 % interval
    within which the mean accuracy may lie on other test reviews of the same kind. Neither contains
    the other. `gap` and `gap_over_reviews` are the test accuracies less those of the first group,
    by the same seeds; None for the first group. `baselines` are linear models that learned from the
    same cut tokens and words of the same reviews, where there are any.
    """

    config: TrainingConfig
    runs: list[TrainedRun]
    over_seeds: Spread
    over_reviews: tuple[float, float]
    gap: Spread | None
    gap_over_reviews: PairedDifference | None
    baselines: list[BaselineScore]


class SideBySide(Record):
    """What came of all groups; `whole_baselines` are linear models on whole reviews, all words."""

    source: str
    test_reviews: int
    groups: list[TrainedGroup]
    whole_baselines: list[BaselineScore]


def spread(values: Sequence[float]) -> Spread:
    """Return mean, deviation and interval of at least one value.

    Source: Student, "The probable error of a mean", Biometrika 6 (1908), 1-25.
    """
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Spread(mean=mean)
    deviation = statistics.stdev(values)
    reach = float(t.ppf((1 + _CONFIDENCE) / 2, len(values) - 1)) * deviation / len(values) ** 0.5
    return Spread(mean=mean, deviation=deviation, low=mean - reach, high=mean + reach)


def side_by_side(
    configs: Sequence[TrainingConfig],
    trained: Sequence[RunSummary],
    baselines: Sequence[list[BaselineScore]] | None = None,
) -> SideBySide:
    """Return the report of trainings on the same test reviews.

    `trained` has all configs with the first seed, then with the next one. `baselines` are, for each
    config, those that see the same.
    """
    found = [Run(folder=one.folder, manifest=read_manifest(one.folder)) for one in trained]
    groups = [found[place :: len(configs)] for place in range(len(configs))]
    first_correct, *correct = map(_correctness, groups)
    over_reviews = [None, *(paired_difference(judged, first_correct) for judged in correct)]
    first = found[0].manifest
    return SideBySide(
        source=first.score.source,
        test_reviews=first.score.test_reviews,
        groups=[
            _group(config, runs, groups[0], gap, seen)
            for config, runs, gap, seen in zip(
                configs, groups, over_reviews, baselines or [[]] * len(configs), strict=True
            )
        ],
        whole_baselines=first.baselines,
    )


def _group(
    config: TrainingConfig,
    found: list[Run],
    first: list[Run],
    gap_over_reviews: PairedDifference | None,
    baselines: list[BaselineScore],
) -> TrainedGroup:
    accuracies, firsts = ([run.manifest.score.accuracy for run in runs] for runs in (found, first))
    over_seeds, reviews = spread(accuracies), found[0].manifest.score.test_reviews
    gaps = [ours - theirs for ours, theirs in zip(accuracies, firsts, strict=True)]
    return TrainedGroup(
        config=config,
        runs=[_run(run) for run in found],
        over_seeds=over_seeds,
        over_reviews=wilson_interval(round(over_seeds.mean * reviews), reviews),
        gap=None if found is first else spread(gaps),
        gap_over_reviews=gap_over_reviews,
        baselines=baselines,
    )


def _run(run: Run) -> TrainedRun:
    best = run.manifest.training.best_epoch - 1
    return TrainedRun(
        seed=run.manifest.seed,
        run_id=run.folder.name,
        accuracy=run.manifest.score.accuracy,
        validation_accuracy=read_checked(run, "history.json")["val_accuracy"][best],
    )


def _correctness(found: Sequence[Run]) -> np.ndarray:
    """Return the share of the seeds that judged each test review correctly, shape (n,)."""
    judged = [read_predictions(checked_file(run, PREDICTIONS)).correct for run in found]
    shares: np.ndarray = np.mean(judged, axis=0)
    return shares
