"""Ask a challenger's model: how long it takes, and whether it gives the recorded predictions."""

import numpy as np
import pyarrow as pa

from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import Device
from tasks.common.errors import PipelineError
from tasks.config.training import TrainingConfig
from tasks.data.review_files import padded_matrix, read_chosen
from tasks.evaluation.slices import Predictions, read_predictions
from tasks.model.network import Network, open_network
from tasks.registry.gates import Gate, Latency
from tasks.registry.latency import measure_latency
from tasks.registry.rescore import read_test_again
from tasks.runs.find import Run
from tasks.runs.read import BEST_MODEL, PREDICTIONS, checked_file

SAMPLE = 200

_TOLERANCES = {"cpu": 1e-3, "gpu": 1e-2}
"""By the device of the training: a GPU may round what it multiplies to 10 bits."""


def ask_model(
    run: Run, config: TrainingConfig, *, artifacts: ArtifactStore, device: Device
) -> tuple[Latency, Gate]:
    """Return how long the model takes, and the gate that it gives the recorded predictions.

    It runs as it does in predictions, and is opened only after its hash is checked.
    """
    network = open_network(checked_file(run, BEST_MODEL), device)
    return measure_latency(network, config), predictions_gate(run, network, artifacts)


def predictions_gate(run: Run, network: Network, artifacts: ArtifactStore) -> Gate:
    """Return whether the model gives the recorded predictions of some test reviews.

    Their choice follows from the hash of the predictions: an edit of these is another sample. Where
    the reviews cannot be had any more, nothing is shown, and the gate says so and is passed.
    """
    recorded = read_predictions(checked_file(run, PREDICTIONS))
    seed = int(run.manifest.files[PREDICTIONS].sha256, 16)
    count = min(SAMPLE, len(recorded.label))
    chosen = np.sort(np.random.default_rng(seed).choice(len(recorded.label), count, replace=False))
    try:
        tokens, labels = reviews_again(run, recorded, chosen, artifacts)
    except PipelineError as error:
        sentence = f"the model was not asked again, since the test reviews are lost: {error}"
        return Gate(name="predictions", passed=True, sentence=sentence)
    bound = _TOLERANCES[run.manifest.device.kind]
    same_labels = np.array_equal(labels, recorded.label[chosen])
    distance = float(np.abs(network(tokens) - recorded.probability[chosen]).max())
    sentence = f"asked again of {count} test reviews, the model differs by at most {distance:.2g}"
    if not same_labels:
        sentence = f"the labels of {count} test reviews are not those that the run recorded"
    return Gate(
        name="predictions",
        passed=same_labels and distance <= bound,
        value=distance,
        bound=bound,
        sentence=sentence,
    )


def reviews_again(
    run: Run, recorded: Predictions, chosen: np.ndarray, artifacts: ArtifactStore
) -> tuple[np.ndarray, np.ndarray]:
    """Return tokens and labels of some test reviews, `chosen` by their places in the `recorded`.

    They are the padded reviews in the cache, if these are what the manifest names; else the texts
    are read again. A PipelineError says that neither can be had.
    """
    if found := _kept_reviews(run, recorded.review_id[chosen], artifacts):
        return found
    padded, labels = read_test_again(run, run)
    return padded[chosen], labels[chosen]


def _kept_reviews(
    run: Run, ids: np.ndarray, artifacts: ArtifactStore
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return tokens and labels of some padded reviews in the cache; None where they are lost."""
    key = next((step.key for step in run.manifest.steps if step.step == "persist-parquet"), None)
    try:
        output = artifacts.result(key or "")
    except LookupError:
        return None
    if output.contents != run.manifest.data_content or artifacts.faults(output):
        return None
    test = artifacts.file(output, "test.parquet")
    found = pa.Table.from_batches(read_chosen(test, ids)).sort_by("review_id")
    tokens = padded_matrix(found["tokens"].combine_chunks())
    return tokens, found["label"].to_numpy()
