"""Compare runs: what differs between them, their scores, and paired tests of their models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.common.errors import InvalidConfigError
from tasks.common.formatting import short_id
from tasks.common.records import Record
from tasks.config.training import Value, flat_config
from tasks.evaluation.significance import LEVEL, PairedTest, SliceScore, holm, paired_test
from tasks.runs.describe import RunLabel, count_cached, label_of, total_seconds
from tasks.runs.find import Run
from tasks.runs.manifest import BaselineScore, Manifest, Score, Training
from tasks.runs.read import (
    BASELINE_PREDICTIONS,
    BAYES_PREDICTIONS,
    PREDICTIONS,
    SLICES,
    checked_file,
    read_checked,
    read_config,
)

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np

_FILES = ("train_file", "test_file", "imdb_npz", "label_fixes")

_SHORT_HASH = 8


class RunScores(Record):
    """What a run's network and its linear baselines score on the test reviews."""

    network: Score
    baseline: BaselineScore
    bayes_baseline: BaselineScore
    loss: float
    roc_auc: float
    macro_f1: float | None = None


def not_comparable(manifest: Manifest, first: Manifest) -> str | None:
    """Return why the scores of two runs must not be compared, None where they can be."""
    reasons = []
    if manifest.fingerprints["test"] != first.fingerprints["test"]:
        reasons.append("other test reviews")
    if manifest.score.protocol != first.score.protocol:
        reasons.append("other protocol (tutorial chooses on the test set)")
    return "; ".join(reasons) or None


class ComparedRun(RunLabel):
    """One run of a comparison; `not_comparable` says why it does not rank with the first."""

    scores: RunScores
    not_comparable: str | None
    slices: tuple[SliceScore, ...] = ()
    training: Training
    seconds: float
    cached_steps: int
    steps: int


class Difference(Record):
    """A setting, version or machine that is not the same for all runs; one value for each."""

    name: str
    values: list[Value]


class Judgement(Record):
    """A model against another one on the same test reviews: a test, or why there is none."""

    run_id: str
    against: str
    test: PairedTest | None
    not_comparable: str | None = None


class SliceTest(Record):
    """A model against the first one on the reviews of a slice.

    `p_value` is that of the test, corrected for the number of such tests, `differs` whether it
    holds then.
    """

    run_id: str
    by: str
    name: str
    test: PairedTest
    p_value: float
    differs: bool


class CommonScore(Record):
    """What a run's model scores on common reviews, and its paired test with the first run's."""

    run_id: str
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    test: PairedTest | None


class CommonReviews(Record):
    """Several models on the same reviews, from which none of them has learned.

    They are `reviews` of the `all_reviews` test reviews of the run `tested`.
    """

    tested: str
    reviews: int
    all_reviews: int
    scores: list[CommonScore]


class Comparison(Record):
    """Several runs side by side, each further one against the first."""

    runs: list[ComparedRun]
    differences: list[Difference]
    against_first: list[Judgement]
    against_baseline: list[Judgement]
    slice_tests: tuple[SliceTest, ...] = ()
    notes: list[str]
    common: CommonReviews | None = None


def compare_runs(runs: list[Run]) -> Comparison:
    """Compare each further run with the first, and each with its own baselines.

    Raises:
        InvalidConfigError: Fewer than two different runs are given.
        BadDataError: A file that is needed is damaged.
    """
    ids = [run.manifest.run_id for run in runs]
    if len(set(ids)) < len(ids) or len(ids) < 2:  # noqa: PLR2004 - two make a comparison
        raise InvalidConfigError(
            f"compare needs at least two different runs, not {', '.join(ids) or 'none'}"
        )
    first, *others = runs
    return Comparison(
        runs=[_compared(run, first) for run in runs],
        differences=_differences(runs),
        against_first=[_against_first(run, first) for run in others],
        against_baseline=[judgement for run in runs for judgement in _against_baselines(run)],
        slice_tests=_slice_tests(first, others),
        notes=_notes(first, others),
    )


def _compared(run: Run, first: Run) -> ComparedRun:
    manifest, why_not = run.manifest, not_comparable(run.manifest, first.manifest)
    return ComparedRun(
        **label_of(run),
        scores=_scores(run),
        not_comparable=why_not,
        slices=manifest.slices,
        training=manifest.training,
        seconds=total_seconds(manifest),
        **count_cached(manifest),
    )


def _scores(run: Run) -> RunScores:
    metrics = read_checked(run, "metrics.json")
    return RunScores(
        network=run.manifest.score,
        baseline=run.manifest.baseline,
        bayes_baseline=run.manifest.bayes_baseline,
        loss=metrics["loss"],
        roc_auc=metrics["roc_auc"],
        macro_f1=metrics.get("macro_f1"),
    )


def _differences(runs: list[Run]) -> list[Difference]:
    described = [_described(run) for run in runs]
    names = dict.fromkeys(name for values in described for name in values)
    rows = {name: [values.get(name) for values in described] for name in names}
    return [
        Difference(name=name, values=values)
        for name, values in rows.items()
        if any(value != values[0] for value in values)
    ]


def _described(run: Run) -> dict[str, Value]:
    """Return all that may explain why two runs differ, by its name for people."""
    manifest, settings = run.manifest, flat_config(read_config(run))
    # The same file may be named from another folder; `raw files` tells whether it is the same.
    files = {name: Path(str(settings[name])).name for name in _FILES if settings.get(name)}
    return {
        **settings,
        **files,
        "raw files": manifest.source.content_hash[:_SHORT_HASH],
        "training reviews": manifest.fingerprints["train"][:_SHORT_HASH],
        "test reviews": manifest.fingerprints["test"][:_SHORT_HASH],
        "best model": manifest.weights["best_model_hash"][:_SHORT_HASH],
        "device": manifest.device.content_hash,
        **manifest.machine,
        **manifest.versions,
        "git commit": (manifest.git["commit"] or "")[:_SHORT_HASH] or None,
        "uncommitted changes": manifest.git["changed"],
    }


def _against_first(run: Run, first: Run) -> Judgement:
    why_not = not_comparable(run.manifest, first.manifest)
    return Judgement(
        run_id=run.manifest.run_id,
        against=first.manifest.run_id,
        test=None if why_not else _test(run, first, PREDICTIONS),
        not_comparable=why_not,
    )


def _against_baselines(run: Run) -> list[Judgement]:
    files = (BASELINE_PREDICTIONS, BAYES_PREDICTIONS)
    return [
        Judgement(run_id=run.manifest.run_id, against=baseline.called, test=_test(run, run, file))
        for baseline, file in zip(run.manifest.baselines, files, strict=True)
    ]


def _test(run: Run, other: Run, file: str) -> PairedTest:
    """Return the paired test of the network of `run` with the predictions in a file of `other`."""
    slices = _of_slices()
    # Each is in the order of the ids: its own order depends on the training set's size.
    files = checked_file(run, PREDICTIONS), checked_file(other, file)
    return paired_test(*(slices.read_predictions(one).correct for one in files))


def _judged(run: Run) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return which test reviews a run judges correctly, and their slices."""
    slices = _of_slices()
    named = slices.read_slices(checked_file(run, SLICES)) if SLICES in run.manifest.files else {}
    return slices.read_predictions(checked_file(run, PREDICTIONS)).correct, named


def _of_slices() -> ModuleType:
    """Return what reads predictions and slices: to import Arrow takes a third of a second."""
    from tasks.evaluation import slices

    return slices


def _slice_tests(first: Run, others: list[Run]) -> tuple[SliceTest, ...]:
    """Return a test of each slice that a run shares with the first one, and of its reviews."""
    sliced = [run for run in others if run.manifest.slices and not _not_sliced(run, first)]
    if not sliced or SLICES not in first.manifest.files:
        return ()
    correct, slices = _judged(first)
    found = []
    for run in sliced:
        own_correct, own_slices = _judged(run)
        known = {(one.by, one.name, one.reviews) for one in run.manifest.slices}
        for one in first.manifest.slices:
            if (one.by, one.name, one.reviews) in known and one.by in slices.keys() & own_slices:
                is_in = (slices[one.by] == one.name) & (own_slices[one.by] == one.name)
                if is_in.any():
                    test = paired_test(own_correct[is_in], correct[is_in])
                    found.append((run.manifest.run_id, one.by, one.name, test))
    corrected = holm([test.p_value for *_, test in found])
    return tuple(
        SliceTest(run_id=of, by=by, name=name, test=test, p_value=p, differs=p <= LEVEL)
        for (of, by, name, test), p in zip(found, corrected, strict=True)
    )


def _notes(first: Run, others: list[Run]) -> list[str]:
    """Return what must be known to read the numbers correctly."""
    notes = [
        f"{short_id(run.manifest.run_id)} {relation} {short_id(first.manifest.run_id)}."
        for run in others
        for relation in _relations(run.manifest, first.manifest)
    ]
    if any(run.manifest.score.protocol == "tutorial" for run in (first, *others)):
        notes.append(
            "The tutorial protocol chooses the epoch on the test set: its scores are flattered,"
            " also against the baseline."
        )
    sliced = [run for run in (first, *others) if run.manifest.slices]
    notes += [
        f"{short_id(run.manifest.run_id)} is not tested by slice: {why_not}."
        for run in sliced
        if (why_not := _not_sliced(run, first))
    ]
    notes.append(
        "A test judges two trained models on these reviews; with another seed each may score"
        " differently."
    )
    if len(others) > 1:
        notes.append("Each p value is of one test; among many, some are small by chance.")
    return notes


def _not_sliced(run: Run, first: Run) -> str | None:
    if why_not := not_comparable(run.manifest, first.manifest):
        return why_not
    if SLICES in run.manifest.files:
        return None
    return (
        "an earlier version of this project trained it, which did not keep the reviews of each"
        " slice; start that run again"
    )


def _relations(manifest: Manifest, first: Manifest) -> Iterator[str]:
    if manifest.fingerprints["train"] != first.fingerprints["train"]:
        yield "learned from other training reviews than"
    if manifest.weights["best_model_hash"] == first.weights["best_model_hash"]:
        yield "has the same weights as"
