"""Whether to believe and to use a model: the verdict on a run, and the notes below its score."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from statistics import NormalDist
from typing import Any, Literal

from tasks.common.formatting import p_text
from tasks.config.training import TrainingConfig
from tasks.evaluation.balance import is_unbalanced
from tasks.evaluation.significance import PairedTest
from tasks.runs.manifest import BaselineScore, Manifest
from tasks.runs.read import config_in, read_json

_LARGEST_CALIBRATION_ERROR, _LEVEL = 0.05, 0.05

_FEW_REVIEWS = 5_000
"""With fewer to learn from, the recipes' probabilities are off: measured in docs/recipes.md."""

_FAR = 0.05
"""So much less accurate than a baseline is no question of taste."""

MANY_IDS = 0.9
"""With so large a share of texts that look like ids a column is hardly one of texts."""

_SHOWN_WORDS = 3

_PLACES = {"anywhere": "", "first": " as the first word", "last": " as the last word"}

_GOOD_RANKING, _LOST_BY_THE_CUT = 0.8, 0.05

_ERROR = "expected_calibration_error"

Level = Literal["good", "mind", "bad"]


@dataclass(frozen=True)
class Verdict:
    """Whether a model is of use, in one sentence that begins with its accuracy."""

    level: Level
    sentence: str


@dataclass(frozen=True)
class Note:
    """One sentence on a score; a warning is a reason to doubt it."""

    kind: Literal["good", "warning", "plain"]
    text: str


def run_verdict(folder: Path, manifest: Manifest) -> Verdict:
    """Return whether the model of the run whose other files lie in `folder` is of use."""
    return conclude(
        manifest,
        read_json(folder, "metrics.json"),
        baseline_tests(read_json(folder, "analysis.json")),
        read_json(folder, "baseline_metrics.json"),
        read_json(folder, "data_report.json")["label_names"],
    )


def run_notes(folder: Path, manifest: Manifest) -> list[Note]:
    """Return whether to believe the score of the run whose other files lie in `folder`."""
    return notes_on(
        manifest,
        config_in(folder),
        read_json(folder, "metrics.json"),
        read_json(folder, "data_report.json"),
        baseline_tests(read_json(folder, "analysis.json")),
        read_json(folder, "baseline_metrics.json"),
    )


def baseline_tests(analysis: Mapping[str, Any]) -> Sequence[PairedTest]:
    """Return the paired tests against the baselines, in the order of the manifest's."""
    tests = [analysis[f"network_against_{name}"] for name in ("baseline", "bayes_baseline")]
    return [PairedTest.model_validate(test) for test in tests]


def conclude(
    manifest: Manifest,
    metrics: dict[str, Any],
    baselines: Sequence[PairedTest],
    linear: Mapping[str, Any],
    labels: Sequence[str],
) -> Verdict:
    """Return the verdict on a run; `baselines` are the tests against each of its baselines.

    `linear` are the metrics of the first of them, `labels` the names of the labels.
    """
    level, text = _against_baselines(manifest, metrics["majority_share"], baselines)
    doubts = []
    if manifest.score.protocol == "tutorial":
        doubts.append("the test reviews chose its epoch, which flatters it")
    if _best_cut(metrics) is not None:
        doubts.append(f"ranking is good (AUC {metrics['roc_auc']:.2f}) but the cut at 0.5 is not")
    if leak := _leak(linear, labels):
        doubts.append(leak)
    if doubts and level == "good":
        level = "mind"
    accuracy = f"{manifest.score.accuracy:.4f}"
    if manifest.score.macro_f1 is not None:
        accuracy = f"accuracy {accuracy}"
    return Verdict(level, f"{accuracy}, {'; '.join([text, *doubts])}.")


def _leak(linear: Mapping[str, Any], labels: Sequence[str]) -> str | None:
    """Return how texts give their labels away, if they do; a run of earlier code was not asked."""
    if linear.get("share_of_ids", 0) > MANY_IDS:
        return "the texts look like ids, each with a word of its own: is this the column of texts?"
    if (telling := linear.get("telling")) is None:
        return None
    named = [
        f"{one['word']!r}{_PLACES[one['place']]}"
        f" ({100 * one['recall']:.0f} % of {labels[one['label']]!r})"
        for one in sorted(telling["words"], key=itemgetter("recall"), reverse=True)
    ]
    more = f" and {len(named) - _SHOWN_WORDS} more" * (len(named) > _SHOWN_WORDS)
    return (
        f"single words give the label away, {', '.join(named[:_SHOWN_WORDS])}{more}: without them a"
        f" linear model falls from {telling['accuracy']:.4f} to {telling['accuracy_without']:.4f},"
        " so look whether they are known when the model is asked"
    )


def _against_baselines(
    manifest: Manifest, majority: float, tests: Sequence[PairedTest]
) -> tuple[Level, str]:
    judged = sorted(
        zip(manifest.baselines, tests, strict=True), key=lambda one: one[0].accuracy, reverse=True
    )
    better = [one for one, test in judged if test.p_value < _LEVEL and test.difference < 0]
    equal = [(one, test) for one, test in judged if test.p_value >= _LEVEL]
    if better:
        best = better[0]
        is_far = best.accuracy - manifest.score.accuracy > _FAR
        then = "do not use it" if is_far else "that one, trained in seconds, is the better model"
        return "bad", f"worse than {best.called}, {best.accuracy:.4f}: {then}"
    if manifest.score.accuracy_low <= majority:
        return "bad", (
            f"not shown to be better than always answering the most common label, {majority:.4f}:"
            " do not use it"
        )
    if equal:
        best, test = equal[0]
        return "mind", (
            f"not shown to be better than {best.called}, {best.accuracy:.4f} (p"
            f" {_relation(test.p_value)}): the simpler model may do as well"
        )
    scores = " and ".join(f"{one.accuracy:.4f}" for one, _ in judged)
    sample = f", {manifest.baseline.sample}" if manifest.baseline.sample else ""
    return "good", f"better than both linear baselines, {scores}{sample}: it is worth using"


def _relation(p_value: float) -> str:
    text = p_text(p_value)
    return text if text.startswith("<") else f"= {text}"


def _best_cut(metrics: dict[str, Any]) -> float | None:
    """Return what the best cut might reach where the ranking is good and 0.5 is far from it.

    None with more than two labels, which no cut tells apart.
    The balanced accuracy of a ranking with that ROC AUC, were the scores of both labels normal
    with equal variances: D. Green and J. Swets, *Signal Detection Theory and Psychophysics*, 1966.
    """
    auc = metrics["roc_auc"]
    if auc < _GOOD_RANKING or "by_label" in metrics:
        return None
    normal = NormalDist()
    reachable = normal.cdf(normal.inv_cdf(min(auc, 0.9999)) / 2**0.5)
    lost = reachable - metrics["balanced_accuracy"]
    return reachable if lost > _LOST_BY_THE_CUT else None


def notes_on(
    manifest: Manifest,
    config: TrainingConfig,
    metrics: dict[str, Any],
    data_report: dict[str, Any],
    baselines: Sequence[PairedTest],
    linear: Mapping[str, Any],
) -> list[Note]:
    """Return the notes on a run, what to mind first and the weightiest of that before.

    `baselines` are the tests against each of its baselines, `linear` the metrics of the first.
    """
    leak = _leak(linear, data_report["label_names"])
    notes = [
        *([Note("warning", f"{leak[0].upper()}{leak[1:]}.")] if leak else []),
        *map(partial(_on_baseline, manifest), manifest.baselines, baselines),
        *_on_cut(metrics),
        *([Note("plain", cost_sentence(metrics["cost"]))] if "cost" in metrics else []),
        *_on_protocol(manifest),
        *_on_balance(metrics),
        *_on_training(manifest, config, metrics, data_report["train"]["reviews"]),
        *_on_source(manifest),
        *_on_data(manifest, data_report),
    ]
    return sorted(notes, key=lambda note: ("warning", "plain", "good").index(note.kind))


def _on_baseline(manifest: Manifest, baseline: BaselineScore, test: PairedTest) -> Note:
    difference = manifest.score.accuracy - baseline.accuracy
    sides = f"{abs(100 * difference):.2f} points {'above' if difference > 0 else 'below'}"
    if not difference:
        sides = "exactly as good as"
    scores = (
        f"The network is {sides} the linear baseline, {baseline.called}"
        f" ({baseline.accuracy:.4f}; exact McNemar test, p {_relation(test.p_value)})"
    )
    if test.p_value >= _LEVEL:
        return Note("warning", f"{scores}: they cannot be told apart.")
    if difference < 0:
        return Note("warning", f"{scores}: the network is worse than a model trained in seconds.")
    return Note("good", f"{scores}: the network is better.")


def _on_cut(metrics: dict[str, Any]) -> Iterator[Note]:
    reachable = _best_cut(metrics)
    if reachable is not None:
        yield Note(
            "warning",
            f"Ranking is good (ROC AUC {metrics['roc_auc']:.4f}) but the cut at 0.5 is not: the"
            f" balanced accuracy is {metrics['balanced_accuracy']:.4f}, where a better cut might"
            f" reach about {reachable:.2f}. The probabilities lie too high or too low.",
        )


def _on_protocol(manifest: Manifest) -> Iterator[Note]:
    if manifest.score.protocol == "tutorial":
        yield Note(
            "warning",
            "The tutorial protocol chose the epoch on the test reviews, so the score flatters the"
            " model. The honest protocol sets validation reviews apart.",
        )
    else:
        yield Note(
            "good",
            "A validation split chose the epoch; the test reviews were used once, afterwards.",
        )


def _on_balance(metrics: dict[str, Any]) -> Iterator[Note]:
    if not is_unbalanced(metrics):
        return
    share = metrics["majority_share"]
    look = f"balanced accuracy, {metrics['balanced_accuracy']:.4f}, and at the confusion matrix"
    if "macro_f1" in metrics:
        look = f"macro F1, {metrics['macro_f1']:.4f}, in which all labels weigh the same"
    yield Note(
        "warning",
        f"The labels are not balanced: always answering the most common one scores {share:.4f}."
        f" Look at the {look}; `--class-weights balanced` gives rarer labels more weight.",
    )


def _on_training(
    manifest: Manifest, config: TrainingConfig, metrics: dict[str, Any], reviews: int
) -> Iterator[Note]:
    done, best = manifest.training.epochs_run, manifest.training.best_epoch
    text = calibration_sentence(metrics)
    is_large = metrics[_ERROR] > _LARGEST_CALIBRATION_ERROR
    if is_large and reviews < _FEW_REVIEWS:
        text += (
            f" {reviews:,} training reviews are few: docs/recipes.md says which recipe and which"
            " batch size fit how many."
        )
    yield Note("warning" if is_large else "good", text)
    if best == done == config.fit.epochs:
        yield Note("warning", "The last epoch was the best one: more epochs may score higher.")


def _on_source(manifest: Manifest) -> Iterator[Note]:
    if manifest.score.source == "packaged":
        yield Note(
            "warning",
            "Training and test reviews are both parts of the official training set, so the score"
            " is not comparable with published ones.",
        )
    if manifest.git["changed"]:
        yield Note("warning", "The source code had changes that were not committed.")


def _on_data(manifest: Manifest, report: dict[str, Any]) -> Iterator[Note]:
    seen = report["overlap"]["test_reviews_seen_in_train"]
    if seen:
        yield Note(
            "plain",
            f"{seen} of {manifest.score.test_reviews:,} test reviews have the same words as a"
            " training review.",
        )


def calibration_sentence(metrics: Mapping[str, Any]) -> str:
    """Return how far the probabilities in a `metrics.json` are off, and what was done about it."""
    found = metrics.get("calibration")
    if not found:  # of a run of an earlier version
        return (
            f"Probabilities are off by {_points(metrics[_ERROR])} on average (calibration error)."
        )
    bounds = _interval(metrics[f"{_ERROR}_interval_95"])
    text = (
        f"Probabilities are off by {_points(metrics[_ERROR])} on average (calibration error, 95 %"
        f" interval {bounds})"
    )
    if found["why_not"] is not None:
        return f"{text}; they are not calibrated: {found['why_not']}."
    before, after = found["validation_error_before"], found["validation_error"]
    return (
        f"{text}; by {100 * found['error_before']:.1f}"
        f" ({_interval(found['error_before_interval_95'])}) before the temperature"
        f" {found['temperature']:g}. It was fitted on {found['fitted_on']:,} validation reviews,"
        f" which chose the epoch too: there {100 * before:.1f} points before and {100 * after:.1f}"
        f" after, log loss {found['loss_before']:.4f} and {found['loss_after']:.4f}."
    )


def _points(error: float) -> str:
    return f"{100 * error:.1f} points"


def _interval(bounds: Sequence[float]) -> str:
    low, high = bounds
    return f"{100 * low:.1f} to {100 * high:.1f}"


def cost_sentence(found: Mapping[str, Any]) -> str:
    """Return what `cost_facts` found, for people."""
    low, high = found["cost_interval_95"]
    return (
        f"The positive label is the answer above {found['cut']:.4f}, the cut of the least cost on"
        f" the validation reviews (fp={found['fp']:g}, fn={found['fn']:g}). A test review then"
        f" costs {found['cost']:.4f} ({low:.4f} to {high:.4f}), by the cut at 0.5"
        f" {found['cost_at_half']:.4f}: {found['saved']:.4f} saved"
        f" ({found['saved_interval_95'][0]:.4f} to {found['saved_interval_95'][1]:.4f}); accuracy"
        f" {found['accuracy']:.4f}. All other scores are of the cut at 0.5."
    )
