"""The tables of a run: steps, scores and data, the same in the terminal, the report and the UI."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.common.artifact_store import StepRun
from tasks.common.formatting import (
    interval_text,
    json_text,
    p_text,
    score,
    share,
    short_id,
    signed,
    when,
)
from tasks.common.tables import Column, Table, number
from tasks.config.training import TrainingConfig, changed_settings, default_groups, value_text
from tasks.evaluation.significance import SliceScore, difference_text
from tasks.runs.compare import CommonReviews, ComparedRun, Comparison, Judgement
from tasks.runs.manifest import CLASSIFIER, Manifest, Score
from tasks.runs.read import read_json

METRICS = {
    "accuracy": "accuracy",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1 of the positive label",
    "macro_f1": "macro F1",
    "weighted_f1": "F1, weighted by reviews",
    "mean_absolute_error": "mean absolute error",
    "matthews": "Matthews correlation",
    "loss": "loss (cross-entropy)",
    "brier": "Brier score",
    "expected_calibration_error": "expected calibration error",
}
"""Titles of the scores; which of them there are depends on the number of labels."""

SEVERAL = ("macro_f1", "weighted_f1", "mean_absolute_error")
"""Scores of more than two labels, the last one of labels that are all numbers."""

COVERAGE_LEVEL = 0.9
"""At which it is shown by label and by length how often the true label is held."""

_MOST_COLUMNS, _CONFUSIONS = 12, 10

_MARKS = "*†‡"
"""For footnotes: there are three ways in which scores are not comparable."""


def run_tables(folder: Path, manifest: Manifest) -> dict[str, Table]:
    """Return all tables of the run whose files lie in `folder`, by short names."""
    scored = {
        "network": "metrics.json",
        "linear baseline": "baseline_metrics.json",
        "naive Bayes baseline": "bayes_baseline_metrics.json",
    }
    metrics = {name: read_json(folder, file) for name, file in scored.items()}
    return {
        "metrics": metrics_table(metrics, manifest.score, manifest.baseline.sample),
        "data": data_table(read_json(folder, "data_report.json")),
        "cache": steps_table(manifest.steps),
    }


def steps_table(runs: Iterable[StepRun]) -> Table:
    """Return which steps were cached, and for the others why not."""
    rows = ([run.step, run.outcome, run.why, f"{run.seconds:.1f}"] for run in runs)
    title = "Which steps were cached, and for the others why not."
    return Table("step", "result", "why", number("seconds"), rows=rows, title=title)


def metrics_table(scored: Mapping[str, Mapping[str, Any]], judged: Score, sample: str) -> Table:
    """Return the metrics of several models side by side.

    `scored` are the contents of files like `metrics.json` by the heads of their columns; `sample`
    says from how many reviews the baselines learned, if not from all.
    """
    return Table(
        "metric",
        *map(number, scored),
        rows=(
            [title, *(metric_text(metrics, name) for metrics in scored.values())]
            for name, title in METRICS.items()
            if all(name in metrics for metrics in scored.values())
        ),
        title=f"Scores on {judged.test_reviews:,} test reviews, {judged.protocol} protocol; 95 %"
        f" intervals in brackets.{f' The baselines {sample}.' if sample else ''}",
    )


def metric_text(metrics: Mapping[str, Any], name: str) -> str:
    """Return a metric with its interval, if it has one."""
    bounds = metrics.get(f"{name}_interval_95")
    if metrics[name] is None:
        return "never given"
    return f"{metrics[name]:z.4f}{f' ({interval_text(*bounds)})' if bounds else ''}"


def data_table(report: Mapping[str, Any]) -> Table:
    """Return what the data checks found in both sets."""
    train, test = (_described(report[name], report["label_names"]) for name in ("train", "test"))
    for what in sorted({what for left_out in report["left_out"].values() for what in left_out}):
        for split, described in (("train", train), ("test", test)):
            rows = report["left_out"].get(split, {}).get(what)
            described[f"left out, {what}"] = f"{rows['count']:,}" if rows else "0"
    seen = report["overlap"]["test_reviews_seen_in_train"]
    test["also in the training set"] = f"{seen:,} ({share(seen / report['test']['reviews'])})"
    return Table(
        "what",
        number("training"),
        number("test"),
        rows=([what, train.get(what, ""), value] for what, value in test.items()),
        title="What the data checks found in both sets.",
    )


def _described(part: Mapping[str, Any], labels: list[str]) -> dict[str, str]:
    counts = zip(labels, part["class_counts"], strict=True)
    quantiles = part["length_quantiles"]
    return {
        "reviews": f"{part['reviews']:,}",
        **{f"labelled {name}": f"{count:,}" for name, count in counts},
        "words": f"{part['tokens']:,}",
        "mean length in words": f"{part['mean_length']:.1f}",
        "median length": f"{quantiles['median']:,.0f}",
        "longest": f"{quantiles['max']:,.0f}",
        "words outside the word index": share(part["unknown_share"]),
        "texts without any word": f"{part['empty_texts']:,}",
        "repeated inside the set": f"{part['duplicates']:,}",
    }


def confusion_table(metrics: Mapping[str, Any], labels: Sequence[str]) -> Table:
    """Return how many reviews of each label were judged as which.

    Of many labels these are the most frequent confusions alone.
    """
    found = metrics["confusion"]
    if isinstance(found, dict):
        zeros = [found["true_negative"], found["false_positive"]]
        found = [zeros, [found["false_negative"], found["true_positive"]]]
    if len(labels) > _MOST_COLUMNS:
        return _confusions(found, labels)
    rows = (
        [labels[truth], *(f"{count:,}" for count in counts), share(counts[truth] / sum(counts))]
        for truth, counts in enumerate(found)
    )
    judged = (number(f"Judged {label}") for label in labels)
    return Table("Truth", *judged, number("Right"), rows=rows, title="Confusion matrix")


def _confusions(found: list[list[int]], labels: Sequence[str]) -> Table:
    wrong = [
        (count, count / sum(counts), truth, said)
        for truth, counts in enumerate(found)
        for said, count in enumerate(counts)
        if count and truth != said
    ]
    wrong.sort(key=lambda one: (-one[0], -one[1], *one[2:]))
    # A single review is chance: of many labels there are hundreds of such pairs.
    repeated = [one for one in wrong if one[0] > 1] or wrong
    return Table(
        "Truth",
        "Judged",
        number("Reviews"),
        number("Of its reviews"),
        rows=(
            [labels[truth], labels[said], f"{count:,}", share(part)]
            for count, part, truth, said in repeated[:_CONFUSIONS]
        ),
        title="The most frequent confusions",
    )


def heat_cells(
    metrics: Mapping[str, Any], labels: Sequence[str]
) -> list[tuple[int, int, str, float]]:
    """Return the cells of the map of confusions that are not empty; none where a table shows all.

    Each has the numbers of label and answer, its words, and how strong its colour is, up to 1.
    """
    if len(labels) <= _MOST_COLUMNS:
        return []
    return [
        (truth, said, f"{labels[truth]}, judged {labels[said]}: {count:,}", (count / of) ** 0.5)
        for truth, counts in enumerate(metrics["confusion"])
        for of in [sum(counts)]
        for said, count in enumerate(counts)
        if count
    ]


def labels_table(
    metrics: Mapping[str, Any], labels: Sequence[str], weakest: int | None = None
) -> Table | None:
    """Return what each label scores against the rest; None of two labels, which say the same.

    `weakest` keeps so many labels alone, those of the lowest F1, the lowest one first.
    """
    if "by_label" not in metrics:
        return None
    scored = list(zip(labels, metrics["by_label"], strict=True))
    if weakest is not None:
        scored = sorted(scored, key=lambda one: one[1]["f1"])[:weakest]
    rows = (
        [
            label,
            f"{one['reviews']:,}",
            f"{one['judged']:,}",
            *(metric_text(one, name) for name in ("precision", "recall", "f1")),
            score(one["roc_auc"]),
        ]
        for label, one in scored
    )
    scores = map(number, ("Precision", "Recall", "F1", "ROC AUC"))
    columns = (number("Reviews"), number("Judged so"), *scores)
    return Table("Label", *columns, rows=rows, title="Scores by label")


def abstention_table(metrics: Mapping[str, Any]) -> Table | None:
    """Return how many reviews are answered, and how well, where a network may say "unsure".

    None where no level was measured.
    """
    if not metrics.get("abstention"):
        return None
    rows = (
        [
            f"{one['level']:g}",
            metric_text(one, "coverage"),
            share(one["answered"]),
            metric_text(one, "accuracy_answered"),
            f"{one['labels_in_a_set']:.2f}",
        ]
        for one in metrics["abstention"]
    )
    heads = ("True label held", "Answered", "Accuracy of the answers", "Labels held, mean")
    return Table("Level", *map(number, heads), rows=rows, title="Answers that may be unsure")


def coverage_table(metrics: Mapping[str, Any], labels: Sequence[str]) -> Table | None:
    """Return by label and by length how often the true label is held at one level.

    Of many labels these are the ones that are held least. None where that level was not measured.
    """
    measured = [one for one in metrics.get("abstention", []) if one["level"] == COVERAGE_LEVEL]
    if not measured:
        return None
    by_label = sorted(
        zip(labels, measured[0]["by_label"], strict=True), key=lambda one: one[1]["coverage"]
    )
    rows = [[name, metric_text(part, "coverage")] for name, part in by_label[:_MOST_COLUMNS]]
    for part in measured[0]["by_length"]:
        name = f"{part['lowest']:.0f} to {part['highest']:.0f} tokens"
        rows.append([name, metric_text(part, "coverage")])
    title = f"True label held at the level {COVERAGE_LEVEL:g}, by label and by length"
    return Table("Reviews", number("True label held"), rows=rows, title=title)


def cut_table(by_cut: Mapping[str, Any], maxlen: int) -> Table:
    """Return the accuracy of the reviews that the network saw whole, and of those cut to fit."""
    rows = (
        [
            name,
            f"{part['lowest']:.0f} to {part['highest']:.0f}",
            f"{part['reviews']:,}",
            score(part["accuracy"]),
            interval_text(part["accuracy_low"], part["accuracy_high"]),
        ]
        for name, kind in (("seen whole", "whole"), (f"cut to {maxlen}", "cut"))
        for part in by_cut[kind]
    )
    columns = map(number, ("Tokens", "Number", "Accuracy", "95 % interval"))
    return Table("Reviews", *columns, rows=rows, title="Accuracy of whole and cut reviews")


def error_ngrams_table(ngrams: Sequence[Mapping[str, Any]]) -> Table:
    """Return the n-grams that carry the most errors."""
    rows = ([one["ngram"], f"{one['errors']:,}", signed(one["added"], 2)] for one in ngrams)
    return Table(
        "Words",
        *map(number, ("Errors with them", "Added to the wrong answers")),
        rows=rows,
        title="What carries the most errors",
        notes=[
            "What an n-gram adds to the logit of the wrong answer, less where it speaks against it,"
            " over the wrong test reviews, of very many over the first ones."
        ],
    )


def slices_table(slices: Sequence[SliceScore]) -> Table:
    """Return the accuracy of each slice, with a mark where it is worse than the rest."""
    rows = (
        [
            one.by,
            one.name,
            f"{one.reviews:,}",
            score(one.accuracy),
            interval_text(one.accuracy_low, one.accuracy_high),
            score(one.rest),
            f"worse, p {p_text(one.p_value)}" if one.is_worse else "",
        ]
        for one in slices
    )
    note = f"Worse: by Fisher's exact test, corrected for the {len(slices)} slices (Holm)."
    return Table(
        "Slice by",
        "Value",
        *map(number, ("Reviews", "Accuracy", "95 % interval", "Rest")),
        "Against the rest",
        rows=rows,
        title="Accuracy by slice",
        notes=[note],
    )


def changed_table(config: TrainingConfig) -> Table | None:
    """Return the numbers of a run that are not at their defaults, None where all are."""
    changed = changed_settings(config)
    rows = ([one.name, value_text(one.value), value_text(one.default)] for one in changed)
    title = "Settings that are not at their defaults"
    return Table("setting", "value", "default", rows=rows, title=title) if changed else None


def config_table(config: TrainingConfig) -> Table:
    """Return all numbers of a run, and their defaults where these are others."""
    defaults, rows = default_groups(config), []
    for group, fields in config.model_dump(mode="json").items():
        for name, value in fields.items():
            default = defaults[group][name]
            other = "same" if value == default else json_text(default)
            rows.append([group, name, json_text(value), other])
    return Table("Group", "Field", "Value", "Default", rows=rows, title="All numbers of the run")


def scores_table(comparison: Comparison) -> Table:
    """Return what each run scores; what does not rank beside the first's is grey, with a note."""
    marks = _marks(one.not_comparable for one in comparison.runs)
    extra = (Column(head, is_extra=True) for head in ("naive Bayes", "ROC AUC", "loss", "macro F1"))
    return Table(
        "run",
        "source",
        "protocol",
        Column("accuracy (95 %)", width=len("(0.8770 to 0.8851)")),
        "baseline",
        *extra,
        "epoch",
        Column("when (UTC)", is_extra=True),
        "seconds",
        rows=(_score_cells(run, marks) for run in comparison.runs),
        title="Scores of the runs",
        quiet={place for place, run in enumerate(comparison.runs) if run.not_comparable},
        notes=[
            *(f"{mark} not comparable with the first run: {why}" for why, mark in marks.items()),
            *(
                f"sample: the baselines of {short_id(run.run_id)} {run.scores.baseline.sample}"
                for run in comparison.runs
                if run.scores.baseline.sample
            ),
        ],
    ).without_empty_columns()


def _marks(reasons: Iterable[str | None]) -> dict[str, str]:
    return dict(zip(dict.fromkeys(filter(None, reasons)), _MARKS, strict=False))


def _score_cells(run: ComparedRun, marks: Mapping[str, str]) -> list[str]:
    mark = marks.get(run.not_comparable or "", "")
    cached = f", {run.cached_steps} of {run.steps} cached" if run.cached_steps else ""
    return [
        f"{short_id(run.run_id)}{mark}",
        run.source,
        run.protocol,
        _with_interval(run.scores.network),
        *(
            f"{score(baseline.accuracy)}{baseline.sample_mark}"
            for baseline in (run.scores.baseline, run.scores.bayes_baseline)
        ),
        score(run.scores.roc_auc),
        score(run.scores.loss),
        "" if run.scores.macro_f1 is None else score(run.scores.macro_f1),
        f"{run.training.best_epoch}/{run.training.epochs_run}",
        when(run.created),
        f"{run.seconds:.0f}{cached}",
    ]


def tests_table(comparison: Comparison) -> Table:
    """Return the tests of each run against the first one, and against its own baselines."""
    # Without the name of the classifier, which is that of all baselines.
    against = [(one, short_id(one.against)) for one in comparison.against_first]
    against += [(one, one.against.replace(CLASSIFIER, "")) for one in comparison.against_baseline]
    marks = _marks(one.not_comparable for one, _ in against)
    return Table(
        "run",
        "against",
        "only it right",
        "only other right",
        number("difference (95 %)"),
        number("p"),
        rows=([short_id(one.run_id), *_test_cells(one, other, marks)] for one, other in against),
        title="Paired tests (McNemar, exact) of two models on the same test reviews",
        notes=[f"{mark} not comparable: {why}" for why, mark in marks.items()],
    )


def _test_cells(judgement: Judgement, against: str, marks: Mapping[str, str]) -> list[str]:
    test = judgement.test
    if test is None:
        return [f"{against}{marks.get(judgement.not_comparable or '', '')}", "", "", "", ""]
    return [
        against,
        f"{test.only_first_right:,}",
        f"{test.only_second_right:,}",
        difference_text(test),
        p_text(test.p_value),
    ]


def common_table(common: CommonReviews) -> Table:
    """Return what all models score on reviews that are new to each of them."""
    return Table(
        "run",
        number("accuracy"),
        number("95 % interval"),
        number("difference to the first (95 %)"),
        number("p"),
        rows=(
            [
                short_id(one.run_id),
                f"{one.accuracy:.4f}",
                interval_text(one.accuracy_low, one.accuracy_high),
                difference_text(one.test) if one.test else "",
                p_text(one.test.p_value) if one.test else "",
            ]
            for one in common.scores
        ),
        title=f"All models on {common.reviews:,} of the {common.all_reviews:,} test reviews of"
        f" {short_id(common.tested)}, new to each of them",
    )


def compared_slices(comparison: Comparison) -> Table | None:
    """Return the accuracy of each slice by all runs with the first one's test reviews.

    None where there are no two of them that have slices of the same reviews. A mark says where a
    run is better or worse than the first one.
    """
    runs = [run for run in comparison.runs if run.slices and not run.not_comparable]
    of_run = [{(one.by, one.name, one.reviews): one for one in run.slices} for run in runs]
    shared = [key for key in of_run[0] if all(key in of for of in of_run)] if of_run else []
    if len(runs) < 2 or not shared:  # noqa: PLR2004 - two make a comparison
        return None
    marks = {
        (one.run_id, one.by, one.name): " better" if one.test.difference > 0 else " worse"
        for one in comparison.slice_tests
        if one.differs
    }
    note = (
        f"{'Better or worse than' if marks else 'None differs from'} the first: by McNemar's exact"
        " test on the reviews of a slice, two-sided, corrected for the"
        f" {len(comparison.slice_tests)} tests (Holm)."
    )
    return Table(
        "Slice by",
        "Value",
        number("Reviews"),
        *(number(short_id(run.run_id)) for run in runs),
        rows=(
            [
                *(key[0], key[1], f"{key[2]:,}"),
                *(
                    _with_interval(of[key]) + marks.get((run.run_id, *key[:2]), "")
                    for run, of in zip(runs, of_run, strict=True)
                ),
            ]
            for key in shared
        ),
        title="Accuracy by slice (95 % interval)",
        notes=[note] if comparison.slice_tests else [],
    )


def _with_interval(one: Score | SliceScore) -> str:
    return f"{score(one.accuracy)} ({interval_text(one.accuracy_low, one.accuracy_high)})"


def differences_table(comparison: Comparison) -> Table | None:
    """Return what differs between the runs, None where nothing does."""
    if not comparison.differences:
        return None
    return Table(
        "name",
        *(short_id(run.run_id) for run in comparison.runs),
        rows=([one.name, *map(value_text, one.values)] for one in comparison.differences),
        title="Settings, versions and machines that differ",
    )
