"""Whether to believe a run's score: the notes that stand below its headline."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from tasks.config.training import TrainingConfig
from tasks.evaluation.significance import PairedTest
from tasks.runs.manifest import BaselineScore, Manifest

_LARGEST_CALIBRATION_ERROR, _LARGEST_MAJORITY, _LEVEL = 0.05, 0.6, 0.05


@dataclass(frozen=True)
class Note:
    """One sentence on a score; a warning is a reason to doubt it."""

    kind: Literal["good", "warning", "plain"]
    text: str


def verdict(
    manifest: Manifest,
    config: TrainingConfig,
    metrics: dict[str, Any],
    data_report: dict[str, Any],
    baselines: Sequence[PairedTest],
) -> list[Note]:
    """Return the notes on a run, the weightiest first; `baselines` are the tests against each."""
    return [
        *_on_protocol(manifest),
        *map(partial(_on_baseline, manifest), manifest.baselines, baselines),
        *_on_balance(metrics),
        *_on_data(manifest, data_report),
        *_on_training(manifest, config, metrics["expected_calibration_error"]),
    ]


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
    if manifest.score.source == "packaged":
        yield Note(
            "warning",
            "Training and test reviews are both parts of the official training set, so the score"
            " is not comparable with published ones.",
        )


def _on_baseline(manifest: Manifest, baseline: BaselineScore, test: PairedTest) -> Note:
    difference = manifest.score.accuracy - baseline.accuracy
    sides = f"{abs(100 * difference):.2f} points {'above' if difference > 0 else 'below'}"
    scores = (
        f"The network is {sides} the linear baseline, {baseline.name}"
        f" ({baseline.accuracy:.4f}; exact McNemar test, p = {test.p_value:.2g})"
    )
    if test.p_value >= _LEVEL:
        return Note("warning", f"{scores}: they cannot be told apart.")
    if difference < 0:
        return Note("warning", f"{scores}: the network is worse than a model trained in seconds.")
    return Note("good", f"{scores}: the network is better.")


def _on_balance(metrics: dict[str, Any]) -> Iterator[Note]:
    share = metrics["majority_share"]
    if share > _LARGEST_MAJORITY:
        yield Note(
            "warning",
            f"The labels are not balanced: always answering the commoner one scores {share:.4f}."
            f" Look at the balanced accuracy, {metrics['balanced_accuracy']:.4f}, and at the"
            " confusion matrix; `--class-weights balanced` gives the rarer label more weight.",
        )


def _on_data(manifest: Manifest, report: dict[str, Any]) -> Iterator[Note]:
    seen = report["overlap"]["test_reviews_seen_in_train"]
    if seen:
        yield Note(
            "plain",
            f"{seen} of {manifest.score.test_reviews:,} test reviews have the same words as a"
            " training review.",
        )


def _on_training(manifest: Manifest, config: TrainingConfig, error: float) -> Iterator[Note]:
    done, best = manifest.training.epochs_run, manifest.training.best_epoch
    if best == done == config.fit.epochs:
        yield Note("warning", "The last epoch was the best one: more epochs may score higher.")
    text = f"Probabilities are off by {100 * error:.1f} points on average (calibration error)."
    yield Note("warning" if error > _LARGEST_CALIBRATION_ERROR else "good", text)
    if manifest.git["changed"]:
        yield Note("warning", "The source code had changes that were not committed.")
