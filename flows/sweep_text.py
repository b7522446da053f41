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
    """Return the heads of the short table."""
    return ["trial", report.basis.objective, "epochs", "seconds", "values"]


def sweep_rows(report: SweepReport, most: int) -> list[list[str]]:
    """Return a row for each of the `most` best trials; those without a figure have the outcome."""
    names = list(report.basis.space.fields)
    return [
        [
            str(trial.number),
            _figure(trial) or trial.result.outcome,
            str(trial.result.epochs),
            f"{trial.result.seconds:.0f}",
            ", ".join(f"{_field(name)} {_short(trial.values[name])}" for name in names),
        ]
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
        _trials_table(report),
    ]
    return "\n\n".join(parts) + "\n"


def _trials_table(report: SweepReport) -> str:
    names = list(report.basis.space.fields)
    heads = ["trial", "outcome", report.basis.objective, "epochs", "cached", "seconds"]
    rows = [
        [*_cells(trial), *(_short(trial.values[name]) for name in names)]
        for trial in report.ranked[:_MOST_ROWS]
    ]
    return markdown_table([*heads, *map(_field, names)], rows)


def _cells(trial: EndedTrial) -> list[str]:
    result = trial.result
    cached = sum(step.cached for step in result.steps)
    return [
        str(trial.number),
        result.outcome,
        _figure(trial),
        str(result.epochs),
        f"{cached} of {len(result.steps)}",
        f"{result.seconds:.0f}",
    ]


def _figure(trial: EndedTrial) -> str:
    return "" if trial.result.figure is None else f"{trial.result.figure:.4f}"


def _field(name: str) -> str:
    return name.partition(".")[2]


def _short(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
