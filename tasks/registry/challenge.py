"""Compare a challenger with the champion: the usual case, and those in which there is no test."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tasks.common.errors import BadDataError, ChampionAlreadyError, PipelineError, PromotionError
from tasks.common.formatting import short_id, when
from tasks.config.commands import spelled
from tasks.config.promotion import PromotionConfig
from tasks.config.training import TrainingConfig
from tasks.data.validate import require_valid
from tasks.evaluation.alpha_spending import next_look
from tasks.evaluation.metrics import expected_calibration_error, reliability
from tasks.evaluation.significance import paired_test
from tasks.evaluation.slices import read_predictions
from tasks.registry.champion import ChampionStore, best_model, promoted_run, require_other
from tasks.registry.events import (
    PromotionEvent,
    current_champion,
    earlier_comparisons,
    model_of,
    taken_back,
)
from tasks.registry.gates import ChallengerMetrics, ChampionTest, Latency
from tasks.registry.rescore import correct_on, same_test_reviews
from tasks.runs.find import Run
from tasks.runs.parts import seen_hashes, unseen
from tasks.runs.read import (
    BASELINE_PREDICTIONS,
    BAYES_PREDICTIONS,
    BEST_MODEL,
    METRICS,
    PREDICTIONS,
    checked_file,
    read_checked,
)

NO_CHAMPION = "no champion yet: nothing to compare with"


def challenge_champion(
    artifacts: Path,
    challenger: Run,
    events: Sequence[PromotionEvent],
    config: PromotionConfig,
    *,
    without_comparison: bool,
) -> ChampionTest:
    """Return the paired test of a challenger with the champion, or why there is none.

    Only reviews that neither of them has learned from count. With `without_comparison` a champion
    that cannot be compared is no obstacle.
    """
    champion = current_champion(events)
    if champion is None:
        return ChampionTest(champion=None, note=NO_CHAMPION, may_pass=True)
    if challenger.manifest.score.protocol != "honest":
        return ChampionTest(champion=champion.run_id, note="not compared: other protocol")
    ended = taken_back(events, best_model(challenger))
    if ended is not None:
        return ChampionTest(champion=champion.run_id, note=_taken_back(*ended))
    try:
        ours, theirs, note = _both_correct(promoted_run(artifacts, champion), challenger, config)
    except PipelineError as error:
        otherwise = "or promote with --without-comparison"
        ending = "promoted without, as requested" if without_comparison else otherwise
        note = f"the champion {short_id(champion.run_id)} cannot be compared: {error}; {ending}"
        return ChampionTest(champion=champion.run_id, note=note, may_pass=without_comparison)
    fingerprint = challenger.manifest.fingerprints["test"]
    pair = (best_model(challenger), model_of(events, champion.run_id))
    return ChampionTest(
        champion=champion.run_id,
        test=paired_test(ours, theirs),
        look=next_look(config.level, earlier_comparisons(events, fingerprint), pair),
        note=note,
    )


def champion_run(artifacts: Path) -> Run | None:
    """Return the champion's run, with all files as they were then; None without a champion."""
    champion = current_champion(ChampionStore(artifacts).events())
    return None if champion is None else promoted_run(artifacts, champion)


def require_challenger(artifacts: Path, run: Run, events: Sequence[PromotionEvent]) -> None:
    """Raise a ChampionAlreadyError where a run is the champion, or has the champion's model."""
    champion, run_id = require_other(events, run.manifest.run_id), run.manifest.run_id
    if champion is None:
        return
    try:
        former = promoted_run(artifacts, champion)
    except PipelineError:
        return  # a lost champion can be replaced by a repeated run of its model
    if best_model(former) == best_model(run):
        raise ChampionAlreadyError(
            f"{run_id} has the model of the champion {champion.run_id}, which stays: there is"
            " nothing to decide"
        )


def _both_correct(
    champion: Run, challenger: Run, config: PromotionConfig
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return whether challenger and champion are right on reviews new to both, and a note."""
    judged = read_predictions(checked_file(challenger, PREDICTIONS))
    is_new = unseen(judged.text_hash, seen_hashes(champion, challenger))
    left = f"{np.sum(is_new):,} of {len(is_new):,} test reviews are left, new to both models"
    if np.sum(is_new) < config.fewest_reviews:
        raise PromotionError(f"{left}, and at least {config.fewest_reviews:,} are needed")
    notes = [] if is_new.all() else [left]
    try:
        theirs = correct_on(champion, challenger)
    except PromotionError as error:
        raise PromotionError(
            f"it was judged by other test reviews and cannot be scored on these: {error}"
        ) from None
    if not same_test_reviews(champion, challenger):
        notes.insert(0, "the champion was scored again, on the challenger's test reviews")
    return judged.correct[is_new], theirs[is_new], "; ".join(notes)


def _taken_back(reign: PromotionEvent, rollback: PromotionEvent) -> str:
    """Say that a model was taken back: if it were compared, the next run would undo a rollback."""
    return (
        f"{rollback.who} took this model back on {when(rollback.when)} UTC (event"
        f" {rollback.number}): bring it back with {spelled('rollback')} --to {reign.run_id}"
    )


def require_true_scores(run: Run) -> None:
    """Raise a PromotionError where a recorded score is not that of the predictions.

    Computed again are the accuracies of the network and its baselines, and its calibration error.
    """
    manifest = run.manifest
    for name, recorded in (
        (PREDICTIONS, manifest.score.accuracy),
        (BASELINE_PREDICTIONS, manifest.baseline.accuracy),
        (BAYES_PREDICTIONS, manifest.bayes_baseline.accuracy),
    ):
        found = float(read_predictions(run.folder / name).correct.mean())
        _require_equal(run, "accuracy", recorded, found, name)
    network = read_predictions(run.folder / PREDICTIONS)
    error = expected_calibration_error(reliability(network.probability, network.label))
    recorded = read_checked(run, METRICS)["expected_calibration_error"]
    _require_equal(run, "calibration error", recorded, error, PREDICTIONS)


def _require_equal(run: Run, score: str, recorded: float, found: float, name: str) -> None:
    if not math.isclose(found, recorded, abs_tol=1e-9):
        raise PromotionError(
            f"{run.folder}: the recorded {score} is {recorded:.4f}, but {name} gives"
            f" {found:.4f}; start that run again"
        )


def challenger_metrics(run: Run, config: TrainingConfig, latency: Latency) -> ChallengerMetrics:
    """Return what the gates judge of a run alone."""
    manifest, report = run.manifest, read_checked(run, "data_report.json")
    return ChallengerMetrics(
        protocol=manifest.score.protocol,
        accuracy=manifest.score.accuracy,
        baseline_accuracy=manifest.baseline.accuracy,
        bayes_baseline_accuracy=manifest.bayes_baseline.accuracy,
        baseline_sample=manifest.baseline.sample,
        calibration_error=read_checked(run, METRICS)["expected_calibration_error"],
        latency=latency,
        model_bytes=manifest.files[BEST_MODEL].size,
        data_fault=_data_fault(report, config),
        overlap=report["overlap"]["test_reviews_seen_in_train"] / report["test"]["reviews"],
        max_overlap=config.data.max_overlap,
        slices=manifest.slices,
    )


def _data_fault(report: dict[str, Any], config: TrainingConfig) -> str | None:
    """Return which rules of the `load` step the recorded reviews break, None for good ones."""
    try:
        require_valid(report, config.data)
    except BadDataError as error:
        return str(error)
    return None
