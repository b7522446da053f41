"""The record of a comparison of seeds: the runs, what they say together, and how it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.records import Record
from tasks.seed_statistics import SeedStatistics, Spread, gap, seed_statistics
from tasks.training_config import TrainingConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.run_manifest import RunSummary


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

    Args:
        config: Theirs, with the first seed.
        trained: Summaries of the runs; those of a protocol in the order of their seeds.
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
