"""Run folders made without a run: in milliseconds, and with the answers that a test needs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import file_sha256
from tasks.common.hashed_files import HashedFile
from tasks.common.records import write_json
from tasks.evaluation.metrics import expected_calibration_error, reliability
from tasks.evaluation.slices import read_predictions
from tasks.runs.find import Run
from tasks.runs.manifest import Manifest, read_manifest
from tests.support.small_run import small_config

FIRST = "20260101T000000Z-aaaaaaaa"

SECOND = "20260102T000000Z-bbbbbbbb"

THIRD = "20260102T000001Z-cccccccc"

HISTORY = {
    "loss": [0.7, 0.5],
    "accuracy": [0.5, 0.75],
    "val_loss": [0.6, 0.4],
    "val_accuracy": [0.625, 0.875],
    "learning_rate": [0.01, 0.001],
}

RIGHT = (True,) * 6 + (False,) * 2


def make_run(
    artifacts: Path,
    run_id: str = FIRST,
    *,
    right: Sequence[bool] = RIGHT,
    baseline_right: Sequence[bool] = RIGHT,
    bayes_right: Sequence[bool] | None = None,
    protocol: str = "honest",
    fingerprints: tuple[str, str] = ("train", "test"),
    backwards: bool = False,
    seed: int = 0,
    learned: Sequence[int] = (),
    train_file: Path = Path("reviews.csv"),
    **changes: Any,
) -> Run:
    """Write a whole run folder and return it; its id also tells when the run was.

    `right` says which test reviews the network judges correctly, in the order of their ids, as
    `baseline_right` and `bayes_right` do. `backwards` files of predictions hold the last review
    first; `learned` names test reviews that the run has learned from; `changes` are further fields
    of the manifest.
    """
    folder = ArtifactStore(artifacts).runs / run_id
    folder.mkdir(parents=True)
    config = small_config(train_file, protocol=protocol, seed=seed)
    share = sum(right) / len(right)
    score = {"accuracy": share, "accuracy_low": share / 2, "accuracy_high": 1.0}
    files = {
        "config.json": config.model_dump(mode="json"),
        "history.json": HISTORY,
        "data_report.json": data_report(len(right)),
        "vocabulary.json": {"good": 1, "bad": 2},
    }
    write_predictions(folder / "predictions.parquet", right, backwards)
    files["metrics.json"] = metrics(share, folder / "predictions.parquet")
    for name, content in files.items():
        write_json(folder / name, content)
    (folder / "best_model.keras").write_bytes(f"model of {run_id}".encode())
    (folder / "model_card.md").write_text(f"# The model of {run_id}\n")
    write_predictions(folder / "baseline_predictions.parquet", baseline_right, backwards)
    bayes = baseline_right if bayes_right is None else bayes_right
    write_predictions(folder / "bayes_baseline_predictions.parquet", bayes, backwards)
    write_parts(folder / "parts.parquet", len(right), learned)
    baseline = {name: sum(baseline_right) / len(baseline_right) for name in score}
    bayes_baseline = {name: sum(bayes) / len(bayes) for name in score}
    day, _, end = run_id.partition("-")
    manifest = {
        "run_id": run_id,
        "flow_run_id": end,
        "created": f"{day[:4]}-{day[4:6]}-{day[6:8]}T{day[9:11]}:{day[11:13]}:{day[13:15]}+00:00",
        "seed": seed,
        "score": score
        | {"test_reviews": len(right), "protocol": protocol, "source": "files", "form": "files"},
        "baseline": {"name": "TF-IDF + logistic regression"} | baseline,
        "bayes_baseline": {"name": "naive Bayes n-grams + logistic regression"} | bayes_baseline,
        "training": {"epochs_run": 2, "best_epoch": 2},
        "source": {
            "source": "files",
            "form": "files",
            "paths": {"train": "/home/someone/reviews.csv"},
            "sha256": {"train": "0" * 64},
            "reason": "requested",
        },
        "device": {"kind": "cpu", "reason": "cpu was requested"},
        "fingerprints": dict(zip(("train", "test"), fingerprints, strict=True)),
        "data_content": {},
        "weights": {"best_model_hash": f"{end} weights", "last_weights_hash": "last"},
        "steps": [
            {"step": "fetch", "cached": False, "why": "never", "key": None, "seconds": 0.5},
            {"step": "train", "cached": True, "why": "as before", "key": "train/1", "seconds": 2},
        ],
        "versions": {"keras": "3.15.1", "python": "3.11.7"},
        "machine": {"processor": "P", "cores": 2, "system": "S", "threads": 2},
        "git": {"commit": "c" * 40, "changed": False},
        "files": {path.name: recorded(path) for path in sorted(folder.iterdir())},
    }
    Manifest.model_validate(manifest | changes).write(folder)
    return Run(folder=folder, manifest=read_manifest(folder))


SAMPLE = "learned from 50,000 of 1,600,000 training reviews"


def with_sampled_baselines(manifest: Manifest) -> Manifest:
    """Return the manifest as if the baselines had learned from a sample."""
    sampled = {"learned_from": 50_000, "training_reviews": 1_600_000}
    parts = {"baseline": manifest.baseline, "bayes_baseline": manifest.bayes_baseline}
    changed = {name: part.model_copy(update=sampled) for name, part in parts.items()}
    return manifest.model_copy(update=changed)


def data_report(test_reviews: int) -> dict[str, Any]:
    """Return what `data_report.json` holds, as far as anything reads it."""
    sets = {
        name: {"reviews": reviews, "class_counts": [40, 40], "empty_texts": 0, "id_range": [1, 5]}
        for name, reviews in (("train", 80), ("test", test_reviews))
    }
    known = {"source": "files", "vocabulary_words": 2, "label_names": ["negative", "positive"]}
    return known | {"overlap": {"test_reviews_seen_in_train": 1}} | sets


def metrics(accuracy: float, predictions: Path) -> dict[str, Any]:
    """Return what `metrics.json` holds; of the predictions it tells the calibration error alone."""
    network = read_predictions(predictions)
    bins = reliability(network.probability, network.label)
    return {
        "accuracy": accuracy,
        "accuracy_interval_95": [accuracy / 2, 1.0],
        "average_precision": 0.9,
        "balanced_accuracy": 0.75,
        "f1": 0.75,
        "matthews": 0.5,
        "majority_share": 0.5,
        "brier": 0.1,
        "confusion": {
            "true_negative": 3,
            "false_positive": 1,
            "false_negative": 1,
            "true_positive": 3,
        },
        "expected_calibration_error": expected_calibration_error(bins),
        "loss": 0.4,
        "roc_auc": 0.9,
        "roc_auc_interval_95": [0.8, 0.95],
        "test_reviews": len(network.label),
        "protocol": "honest",
    }


def write_predictions(path: Path, right: Sequence[bool], backwards: bool) -> None:
    """Write predictions of reviews whose labels are 0 and 1 in turn."""
    rows = list(range(len(right)))
    if backwards:
        rows.reverse()
    labels = [row % 2 for row in rows]
    says_one = [bool(row % 2) == right[row] for row in rows]
    columns = {
        "review_id": pa.array(rows, pa.int32()),
        "label": pa.array(labels, pa.int8()),
        "probability": pa.array([0.9 if one else 0.1 for one in says_one], pa.float32()),
        "length": pa.array([9] * len(rows), pa.int32()),
        "unknown": pa.array([0] * len(rows), pa.int32()),
        "text_hash": pa.array(rows, pa.uint64()),
    }
    pq.write_table(pa.table(columns), path)


def write_parts(path: Path, tested: int, learned: Sequence[int]) -> None:
    """Write the parts of a run that trained on `learned` and on two more reviews."""
    train = [*learned, 1 << 60, 1 << 61]
    columns = {
        "part": ["train"] * len(train) + ["test"] * tested,
        "review_id": pa.array([*range(len(train)), *range(tested)], pa.int32()),
        "text_hash": pa.array([*train, *range(tested)], pa.uint64()),
    }
    pq.write_table(pa.table(columns), path)


def recorded(path: Path) -> dict[str, Any]:
    """Return what a manifest says of a file."""
    return HashedFile(sha256=file_sha256(path), size=path.stat().st_size).model_dump()


def rewritten(run: Run, name: str, content: bytes) -> Run:
    """Return `run` with another content of one file, as if the run had written that."""
    (run.folder / name).write_bytes(content)
    file = HashedFile.model_validate(recorded(run.folder / name))
    files = run.manifest.files | {name: file}
    run.manifest.model_copy(update={"files": files}).write(run.folder)
    return Run(folder=run.folder, manifest=read_manifest(run.folder))


def changed_json(run: Run, name: str, changes: dict[str, Any]) -> Run:
    """Return `run` with other values in a JSON file, as if the run had written those."""
    content = json.loads((run.folder / name).read_bytes())
    for key, value in changes.items():
        is_part = isinstance(value, dict) and isinstance(content.get(key), dict)
        content[key] = content[key] | value if is_part else value
    return rewritten(run, name, json.dumps(content).encode())


def age(run: Run) -> None:
    """Make a run one of an earlier version of the project."""
    file = run.folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema_version": 1}))
    (run.folder / "manifest.sha256").write_text(f"{file_sha256(file)}  manifest.json\n")
