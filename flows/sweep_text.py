"""A sweep for people: the rows of its table, and its sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from flows.markdown_parts import markdown_list, markdown_table

if TYPE_CHECKING:
    from tasks.search_space import Value
    from tasks.sweep_report import SweepReport
    from tasks.sweep_study import EndedTrial

_MOST_ROWS = 100


def sweep_columns(report: SweepReport) -> list[str]:
    """Return the heads of the table; the varied fields stand last."""
    varied = [name.partition(".")[2] for name in report.basis.space.fields]
    return ["trial", "outcome", report.basis.objective, "epochs", "cached", "seconds", *varied]


def sweep_rows(report: SweepReport, most: int) -> list[list[str]]:
    """Return a row for each of the `most` best trials."""
    names = report.basis.space.fields
    return [
        [*_cells(trial), *(_short(trial.values[name]) for name in names)]
        for trial in report.ranked[:most]
    ]


def sweep_sentences(report: SweepReport) -> list[str]:
    """Return what was tried, which trial is the best, and what its config scores on the test."""
    outcomes = Counter(trial.result.outcome for trial in report.trials)
    counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))
    figure = report.ranked[0].result.figure
    winner = report.winners[-1]
    score = winner.score
    same = "with" if winner.same_weights else "without getting"
    looks = len(report.winners)
    return [
        f"Study {report.study}: {len(report.trials)} trials ({counts}) in"
        f" {report.seconds / 60:.1f} min.",
        f"Trial {report.best} is the best, with {report.basis.objective} {figure:.4f} on the"
        " validation reviews; as the best of many, this figure is too good.",
        f"Its config, trained anew {same} the same weights, has the test accuracy"
        f" {score.accuracy:.4f} (95 % {score.accuracy_low:.4f} to {score.accuracy_high:.4f}) on"
        f" {score.test_reviews:,} reviews of the source {score.source}: run {winner.run_id}.",
        "No trial has looked at the test reviews"
        + ("." if looks == 1 else f"; {looks} winners of this study have, one after the other."),
    ]


def sweep_markdown(report: SweepReport) -> str:
    """Return the report for Prefect's UI."""
    parts = [
        "# Sweep",
        markdown_list(sweep_sentences(report)),
        "## Trials, the best one first",
        markdown_table(sweep_columns(report), sweep_rows(report, _MOST_ROWS)),
    ]
    return "\n\n".join(parts) + "\n"


def _cells(trial: EndedTrial) -> list[str]:
    result = trial.result
    cached = sum(step.cached for step in result.steps)
    return [
        str(trial.number),
        result.outcome,
        "" if result.figure is None else f"{result.figure:.4f}",
        str(result.epochs),
        f"{cached} of {len(result.steps)}",
        f"{result.seconds:.0f}",
    ]


def _short(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
