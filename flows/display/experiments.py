"""Reports of many trainings for people: seeds, ablations and sweeps, in the terminal and the UI."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from tasks.common.formatting import interval_text, signed_points
from tasks.common.tables import Column, Table, markdown
from tasks.config.search_space import Value
from tasks.experiments.ablation import tokens_name, words_name
from tasks.experiments.side_by_side import SideBySide, TrainedGroup
from tasks.experiments.study import EndedTrial
from tasks.experiments.sweep_report import SweepReport
from tasks.reports.html import image_uri

_APART = " reviews set apart from training."


@dataclass(frozen=True)
class Shown:
    """What is shown of a report: the table and the sentences everywhere, the runs in the UI."""

    title: str
    table: Table
    sentences: list[str]
    runs: Table | None = None

    def markdown(self, picture: Path | None = None) -> str:
        """Return the report for Prefect's UI, with a picture inside."""
        image = f'<img alt="{self.title}" src="{image_uri(picture)}">' if picture else None
        parts = (f"# {self.title}", self.sentences, self.table, image, self.runs)
        return markdown(*(part for part in parts if part))


def seeds_shown(report: SideBySide) -> Shown:
    """Return a row of test accuracies for each protocol, and the gap between the protocols."""
    columns = ["protocol", "mean", "sd", "95 % over seeds", "95 % over test reviews", "each seed"]
    sentences = [
        f"{_test_accuracy(report)}, on {report.test_reviews:,} test reviews of the source"
        f" {report.source}.",
        "Over seeds: where the mean of all seeds may lie. Over test reviews: where the mean may lie"
        " on other reviews of the same kind.",
    ]
    gap = report.groups[-1].gap
    if gap is not None:
        points = _points(gap.mean, gap.low, gap.high, "95 % ")
        sentences.append(
            f"Choosing on the test reviews changes the accuracy by {points}, seed by seed."
        )
    return Shown(
        "Seeds",
        Table(*columns, rows=([*_protocol(one), *_over(one)] for one in report.groups)),
        sentences,
        _runs(report, _protocol, "protocol"),
    )


def _protocol(group: TrainedGroup) -> list[str]:
    return [group.config.protocol.protocol]


def _runs(report: SideBySide, names: Callable[[TrainedGroup], list[str]], *heads: str) -> Table:
    """Return a row for each run, with the names of its group under these heads."""
    rows = [
        [*names(group), str(run.seed), f"{run.accuracy:.4f}", run.run_id]
        for group in report.groups
        for run in group.runs
    ]
    return Table(*heads, "seed", "test accuracy", "run", rows=rows, title="Runs")


def _test_accuracy(report: SideBySide) -> str:
    seeds = len(report.groups[0].runs)
    return f"Test accuracy of {seeds} seed{'s' if seeds > 1 else ''}"


def _over(group: TrainedGroup) -> list[str]:
    over = group.over_seeds
    return [
        f"{over.mean:.4f}",
        "" if over.deviation is None else f"{over.deviation:.4f}",
        "" if over.low is None or over.high is None else interval_text(over.low, over.high),
        interval_text(*group.over_reviews),
        ", ".join(f"{run.accuracy:.4f}" for run in group.runs),
    ]


def _points(mean: float, low: float | None, high: float | None, level: str = "") -> str:
    """Return a difference of accuracies in percentage points, with its interval."""
    text = f"{signed_points(mean)}{' points' if level else ''}"
    if low is None or high is None:
        return text
    return f"{text} ({level}{signed_points(low)} to {signed_points(high)})"


def ablation_shown(report: SideBySide) -> Shown:
    """Return a row of accuracies for each variant, and one of the baselines that see all."""
    protocol = report.groups[0].config.protocol.protocol
    whole = ["all", "all", "", "", "", ""]
    sample = next((one.sample for one in report.whole_baselines), "")
    sentences = [
        f"{_test_accuracy(report)}, {protocol} protocol, on"
        f" {report.test_reviews:,} test reviews of the source {report.source}.",
        "95 %: where the accuracy may lie on other test reviews of the same kind.",
        "Points more: accuracy less that of the config, the first row, in percentage points, review"
        " by review and by the same seeds; the interval is over test reviews, and says nothing of"
        " other seeds.",
        "TF-IDF and Bayes: the linear baselines on the same tokens and words of the same reviews,"
        " and on all. Where they lose as the network does, the cut loses information; where they do"
        " not, the network does not use it.",
        *([f"Both {sample}."] if sample else []),
        "Valid.: accuracy of the epoch that was chosen, on"
        + (" the test reviews themselves." if protocol == "tutorial" else _APART),
        "Nothing is chosen here, and the test accuracies are for reading: who chooses a text form"
        " by them has chosen on the test reviews. Choose by validation, then use them once.",
    ]
    rows = [
        *([*_names(result), *_accuracies(result)] for result in report.groups),
        [*whole, *(f"{baseline.accuracy:.4f}" for baseline in report.whole_baselines)],
    ]
    columns = ("network", "95 %", "points more (95 %)", "valid.", "TF-IDF", "Bayes")
    return Shown(
        "Ablation of the text form",
        Table("tokens", "words", *columns, rows=rows),
        sentences,
        _runs(report, _names, "tokens", "words"),
    )


def _names(group: TrainedGroup) -> list[str]:
    return [tokens_name(group.config.text), words_name(group.config.text)]


def _accuracies(group: TrainedGroup) -> list[str]:
    over, more = group.over_seeds, group.gap_over_reviews
    validation = fmean(run.validation_accuracy for run in group.runs)
    spread = "" if over.deviation is None else f" ± {over.deviation:.4f}"
    return [
        f"{over.mean:.4f}{spread}",
        interval_text(*group.over_reviews),
        "" if more is None else _points(more.mean, more.low, more.high),
        f"{validation:.4f}",
        *(f"{baseline.accuracy:.4f}" for baseline in group.baselines),
    ]


def sweep_shown(report: SweepReport, most: int = 100) -> Shown:
    """Return the `most` best trials, and what the best one's config scores on the test reviews."""
    outcomes = Counter(trial.result.outcome for trial in report.trials)
    counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))
    objective, value = report.basis.objective, report.ranked[0].result.value
    winner = report.winners[-1]
    score = winner.score
    winners = len(report.winners)
    sentences = [
        f"Study {report.study}: {len(report.trials)} trials ({counts}) in"
        f" {report.seconds / 60:.1f} min.",
        f"Trial {report.best} is the best, with {objective} {value:.4f} on the validation reviews;"
        " as the best of many, this metric is too good.",
        f"Its config, trained again {'with' if winner.same_weights else 'without getting'} the same"
        f" weights, has the test accuracy {score.accuracy:.4f}"
        f" (95 % {interval_text(score.accuracy_low, score.accuracy_high)}) on"
        f" {score.test_reviews:,} reviews of the source {score.source}: run {winner.run_id}.",
        "No trial has used the test reviews"
        + (
            "." if winners == 1 else f"; {winners} winners of this study have, one after the other."
        ),
    ]
    cached = Column("cached", is_extra=True)
    columns = ("trial", "outcome", objective, "epochs", cached, "seconds", "values")
    title = "Trials, the best one first"
    names = list(report.basis.space.fields)
    rows = (_trial(trial, names) for trial in report.ranked[:most])
    return Shown("Sweep", Table(*columns, rows=rows, title=title), sentences)


def _trial(trial: EndedTrial, names: list[str]) -> list[str]:
    result = trial.result
    cached = sum(step.cached for step in result.steps)
    return [
        str(trial.number),
        result.outcome,
        "" if result.value is None else f"{result.value:.4f}",
        str(result.epochs),
        f"{cached} of {len(result.steps)}",
        f"{result.seconds:.0f}",
        ", ".join(f"{name.partition('.')[2]} {_short(trial.values[name])}" for name in names),
    ]


def _short(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
