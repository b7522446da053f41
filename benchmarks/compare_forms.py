"""Compare what all forms of a run's model say of the same reviews with what its training said.

Start it from the project's folder with `python -m benchmarks.compare_forms --run latest`.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import cyclopts
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.paired import scratch_folder
from tasks.analyse_predictions import read_predictions
from tasks.errors import BadDataError
from tasks.evaluate_model import THRESHOLD
from tasks.export_bundle import TOLERANCE, export_bundle
from tasks.export_litert import litert_network
from tasks.find_runs import Run, find_run
from tasks.open_bundle import open_bundle
from tasks.open_model import open_predictor
from tasks.predict_texts import Predictor
from tasks.read_run import PREDICTIONS, checked_file, read_config
from tasks.read_sources import read_test_reviews
from tasks.run_network import keras_network, onnx_network
from tasks.text_graph import saved_model_probabilities


def answers(run: Run, reviews: int, scratch: Path) -> dict[str, np.ndarray]:
    """Return the probabilities of the first test reviews, by form; the first is the training's."""
    recorded = read_predictions(checked_file(run, PREDICTIONS))
    if run.manifest.source.form == "keras":
        raise BadDataError("Keras's file holds numbers, not texts")
    table = read_test_reviews(run.manifest.source, read_config(run).data)
    texts = table["text"].take(recorded.review_id[:reviews]).to_pylist()
    target = scratch / "bundle.zip"
    made = export_bundle(run, target, litert=True)
    with zipfile.ZipFile(target) as archive:
        archive.extractall(scratch / "bundle")
    folder = scratch / "bundle"
    bundle = open_bundle(target, made.sha256)
    networks = {
        "Keras, from texts": keras_network(folder / "model.keras"),
        "ONNX": onnx_network((folder / "model.onnx").read_bytes()),
        "LiteRT": litert_network(folder / "model.tflite"),
    }
    predictors = {
        "predict_flow.py --run": open_predictor(run.folder.parent.parent, run.manifest.run_id),
        "predict_flow.py --bundle": bundle,
    } | {name: Predictor(bundle.model, network) for name, network in networks.items()}
    found = {"the run's own evaluation": recorded.probability[:reviews]}
    for name, predictor in predictors.items():
        found[name] = np.asarray(predictor.predict(texts)["probability"])
    found["SavedModel"] = saved_model_probabilities(folder / "saved_model", texts)
    return found


def table_of(found: Mapping[str, np.ndarray]) -> Table:
    """Return the largest difference of each form to the first one, and changed labels."""
    table = Table("form", "reviews", "largest difference", "other labels", f"within {TOLERANCE}")
    first, *_ = found.values()
    for name, probabilities in found.items():
        largest = float(np.abs(probabilities - first).max())
        labels = int(np.sum((probabilities > THRESHOLD) != (first > THRESHOLD)))
        agrees = "yes" if largest <= TOLERANCE else "no"
        table.add_row(name, f"{len(probabilities):,}", f"{largest:.1e}", str(labels), agrees)
    return table


def main(*, run: str = "latest", reviews: int = 1000, artifacts: Path = Path("artifacts")) -> None:
    """Compare all forms on the first test reviews of a run.

    Args:
        run: The run, as in `runs.py`.
        reviews: How many of its test reviews.
        artifacts: Artifacts folder with the run.
    """
    with scratch_folder() as scratch:
        found = answers(find_run(artifacts.absolute(), run), reviews, scratch)
    Console(highlight=False).print(table_of(found))


if __name__ == "__main__":
    cyclopts.run(main)
