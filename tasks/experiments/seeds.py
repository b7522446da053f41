"""What several seeds say together: spread over seeds, and the gap between two protocols."""

import statistics
from collections.abc import Sequence

from scipy.stats import t

from tasks.common.records import Record
from tasks.config.training import TrainingConfig
from tasks.evaluation.metrics import wilson_interval
from tasks.run_summary import RunSummary

_CONFIDENCE = 0.95


class Spread(Record):
    """Mean, standard deviation and 95 % interval of the mean over seeds.

    The interval is Student's: it says where the mean of all seeds may lie. With one seed there is
    neither deviation nor interval.
    """

    mean: float
    deviation: float | None
    low: float | None
    high: float | None


class SeedStatistics(Record):
    """The test accuracies of several seeds.

    `over_seeds` says how far the seed matters; `over_reviews` are the bounds of the 95 % interval
    within which the mean accuracy may lie on other test reviews of the same kind. Neither contains
    the other.
    """

    accuracies: dict[int, float]
    over_seeds: Spread
    over_reviews: tuple[float, float]


def spread(values: Sequence[float]) -> Spread:
    """Return mean, deviation and interval of at least one value.

    Source: Student, "The probable error of a mean", Biometrika 6 (1908), 1-25.
    """
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Spread(mean=mean, deviation=None, low=None, high=None)
    deviation = statistics.stdev(values)
    reach = float(t.ppf((1 + _CONFIDENCE) / 2, len(values) - 1)) * deviation / len(values) ** 0.5
    return Spread(mean=mean, deviation=deviation, low=mean - reach, high=mean + reach)


def seed_statistics(accuracies: dict[int, float], test_reviews: int) -> SeedStatistics:
    """Return what the accuracies of at least one seed say, all on the same test reviews."""
    over_seeds = spread(list(accuracies.values()))
    right = round(over_seeds.mean * test_reviews)
    return SeedStatistics(
        accuracies=accuracies,
        over_seeds=over_seeds,
        over_reviews=wilson_interval(right, test_reviews),
    )


def gap(first: dict[int, float], second: dict[int, float]) -> Spread:
    """Return by how much `first` exceeds `second`, seed by seed.

    Raises:
        ValueError: They have other seeds.
    """
    if first.keys() != second.keys():
        raise ValueError(f"the seeds {sorted(first)} are not {sorted(second)}")
    return spread([first[seed] - second[seed] for seed in first])


class SeedRun(Record):
    """One training: its seed, the name of its run folder, and its test accuracy."""

    seed: int
    run_id: str
    accuracy: float


class SeedsReport(Record):
    """What came of all seeds.

    `gap` is the accuracy of the tutorial's protocol, which chooses on the test reviews, less that
    of the honest one, seed by seed; None where one of the two was not run.
    """

    config: TrainingConfig
    source: str
    test_reviews: int
    runs: dict[str, list[SeedRun]]
    statistics: dict[str, SeedStatistics]
    gap: Spread | None


def seeds_report(config: TrainingConfig, trained: Sequence[RunSummary]) -> SeedsReport:
    """Return the report of trainings that differ in protocol and seed alone.

    `config` has the first seed; the runs of a protocol are in the order of their seeds.
    """
    runs: dict[str, list[SeedRun]] = {}
    for summary in trained:
        found = runs.setdefault(summary.score.protocol, [])
        run_id, accuracy = summary.folder.name, summary.score.accuracy
        found.append(SeedRun(seed=config.fit.seed + len(found), run_id=run_id, accuracy=accuracy))
    score = trained[0].score
    accuracies = {name: {run.seed: run.accuracy for run in found} for name, found in runs.items()}
    both = accuracies.keys() == {"honest", "tutorial"}
    return SeedsReport(
        config=config,
        source=score.source,
        test_reviews=score.test_reviews,
        runs=runs,
        statistics={
            protocol: seed_statistics(by_seed, score.test_reviews)
            for protocol, by_seed in accuracies.items()
        },
        gap=gap(accuracies["tutorial"], accuracies["honest"]) if both else None,
    )
