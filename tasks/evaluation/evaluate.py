"""Evaluate: what the best model scores on the test reviews."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tasks.common.artifact_store import Fact
from tasks.common.device import CPU, Device, use_device
from tasks.common.records import write_json
from tasks.config.training import Costs
from tasks.data.review_files import padded_matrix, read_column, read_labels, read_parquet, rebatched
from tasks.evaluation.abstention import (
    ABSTENTION,
    ON_TEST_REVIEWS,
    Abstention,
    answered_curve,
    chosen_thresholds,
    measured_sets,
)
from tasks.evaluation.balance import leading_facts
from tasks.evaluation.calibration import ERROR, calibration_facts
from tasks.evaluation.cost import chosen_cut, cost_facts
from tasks.evaluation.scoring import accuracy_facts, score, write_predictions
from tasks.model.network import Network, keras_network, open_network

_BATCHES_AT_ONCE = 16
"""Keras takes a moment for each call; more of them take more memory."""


class Calibrated(NamedTuple):
    """The record of a network's calibration, and the reviews that validated the training.

    These are not apart where they are the test reviews. Where mistakes have `costs`, they choose
    the cut.
    """

    record: Path
    validation: Path
    is_apart: bool = True
    costs: Costs | None = None


def evaluate_model(
    best_model: Path,
    test: Path,
    batch_size: int,
    described: dict[str, str],
    folder: Path,
    names: Sequence[str] = (),
    device: Device = CPU,
    calibrated: Calibrated | None = None,
) -> dict[str, Fact]:
    """Write `metrics.json` and `predictions.parquet`; `abstention.json` of what is `calibrated`.

    `test` has padded reviews; `described` are protocol, source and form, without which a score is
    never shown; `names` are those of the labels. What is `calibrated` is compared with what it was
    before. The facts are accuracy, the bounds of its 95 % interval, the same of the macro F1 where
    that leads, loss, and the number of test reviews.
    """
    if device.kind == "gpu":  # it is quicker in Keras than a processor without
        use_device(device)
        network = keras_network(best_model, batch_size, device)
    else:
        network = open_network(best_model, device, batch_size)
    probabilities, labels = judge_file(network, test, batch_size), read_labels(test)
    metrics = score(probabilities, labels, names)
    if calibrated:
        record = json.loads(calibrated.record.read_bytes())
        temperature, truth = record["temperature"], read_labels(calibrated.validation)
        found = calibration_facts(probabilities, labels, temperature)
        judged = judge_file(network, calibrated.validation, batch_size)
        there = calibration_facts(judged, truth, temperature)
        metrics |= {name: value for name, value in found.items() if name.startswith(ERROR)}
        metrics["calibration"] = {
            **record,
            **{name: found[name] for name in ("error_before", "error_before_interval_95")},
            "validation_error": there[ERROR],
            "validation_error_before": there["error_before"],
        }
        abstention = Abstention(why_not=ON_TEST_REVIEWS)
        if calibrated.is_apart:
            abstention = chosen_thresholds(judged, truth)
            lengths = read_column(test, "length")
            metrics["abstention"] = measured_sets(probabilities, labels, lengths, abstention)
            metrics["abstention_curve"] = answered_curve(probabilities, labels, abstention)
        write_json(folder / ABSTENTION, abstention)
        if costs := calibrated.costs:
            cut = chosen_cut(judged, truth, costs)
            metrics["cost"] = costs._asdict() | cost_facts(probabilities, labels, costs, cut)
    write_json(folder / "metrics.json", metrics | described)
    write_predictions(test, probabilities, folder / "predictions.parquet")
    facts = accuracy_facts(metrics) | leading_facts(metrics)
    return facts | {name: metrics[name] for name in ("loss", "test_reviews")}


def judge_file(network: Network, reviews: Path, batch_size: int) -> np.ndarray:
    """Return the probabilities of the padded reviews of a file."""
    parts = rebatched(read_parquet(reviews), batch_size * _BATCHES_AT_ONCE)
    return np.concatenate([network.on_all_cores(padded_matrix(part["tokens"])) for part in parts])
