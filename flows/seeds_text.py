"""A comparison of seeds for people: the rows of its table, and its sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.markdown_parts import markdown_list, markdown_table

if TYPE_CHECKING:
    from tasks.seed_statistics import SeedStatistics, Spread
    from tasks.seeds_report import SeedsReport

COLUMNS = ["protocol", "mean", "sd", "95 % over seeds", "95 % over test reviews", "each seed"]


def seeds_rows(report: SeedsReport) -> list[list[str]]:
    """Return a row of test accuracies for each protocol."""
    return [[protocol, *_cells(found)] for protocol, found in report.statistics.items()]


def seeds_sentences(report: SeedsReport) -> list[str]:
    """Return what the figures are, and the gap between the protocols."""
    seeds = len(next(iter(report.runs.values())))
    sentences = [
        f"Test accuracy of {seeds} seed{'s' if seeds > 1 else ''}, on {report.test_reviews:,} test"
        f" reviews of the source {report.source}.",
        "Over seeds: where the mean of all seeds may lie. Over test reviews: where the mean may lie"
        " on other reviews of the same kind.",
    ]
    if report.gap is not None:
        sentences.append(
            f"Choosing on the test reviews changes the accuracy by {_points(report.gap)}, seed by"
            " seed."
        )
    return sentences


def seeds_markdown(report: SeedsReport) -> str:
    """Return the report for Prefect's UI."""
    runs = [
        [protocol, str(run.seed), f"{run.accuracy:.4f}", run.run_id]
        for protocol, found in report.runs.items()
        for run in found
    ]
    parts = [
        "# Seeds",
        markdown_list(seeds_sentences(report)),
        markdown_table(COLUMNS, seeds_rows(report)),
        "## Runs",
        markdown_table(["protocol", "seed", "test accuracy", "run"], runs),
    ]
    return "\n\n".join(parts) + "\n"


def _cells(found: SeedStatistics) -> list[str]:
    over = found.over_seeds
    low, high = found.over_reviews
    return [
        f"{over.mean:.4f}",
        "" if over.deviation is None else f"{over.deviation:.4f}",
        "" if over.low is None else f"{over.low:.4f} to {over.high:.4f}",
        f"{low:.4f} to {high:.4f}",
        ", ".join(f"{accuracy:.4f}" for accuracy in found.accuracies.values()),
    ]


def _points(gap: Spread) -> str:
    text = f"{100 * gap.mean:+.2f} points"
    if gap.low is None or gap.high is None:
        return text
    return f"{text} (95 % {100 * gap.low:+.2f} to {100 * gap.high:+.2f})"
