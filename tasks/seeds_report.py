"""The record of a comparison of seeds: the runs, what they say together, and how it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.records import Record
from tasks.run_manifest import RunSummary
from tasks.seed_statistics import SeedStatistics, Spread, gap, seed_statistics
from tasks.training_config import Protocol, TrainingConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

SEEDS_JSON = "seeds.json"


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
    runs: dict[Protocol, list[SeedRun]]
    statistics: dict[Protocol, SeedStatistics]
    gap: Spread | None


def seeds_report(
    config: TrainingConfig, trained: dict[Protocol, dict[int, RunSummary]]
) -> SeedsReport:
    """Return the report of trainings that differ in protocol and seed alone.

    Args:
        config: Theirs, with the first seed.
        trained: Summaries of the runs, by protocol and seed.
    """
    runs = {
        protocol: [
            SeedRun(seed=seed, run_id=summary.folder.name, accuracy=summary.score.accuracy)
            for seed, summary in sorted(by_seed.items())
        ]
        for protocol, by_seed in trained.items()
    }
    score = next(iter(next(iter(trained.values())).values())).score
    return SeedsReport(
        config=config,
        source=score.source,
        test_reviews=score.test_reviews,
        runs=runs,
        statistics={
            protocol: seed_statistics(_accuracies(found), score.test_reviews)
            for protocol, found in runs.items()
        },
        gap=_gap(runs),
    )


def _accuracies(runs: Sequence[SeedRun]) -> dict[int, float]:
    return {run.seed: run.accuracy for run in runs}


def _gap(runs: dict[Protocol, list[SeedRun]]) -> Spread | None:
    if runs.keys() != {"honest", "tutorial"}:
        return None
    return gap(_accuracies(runs["tutorial"]), _accuracies(runs["honest"]))
