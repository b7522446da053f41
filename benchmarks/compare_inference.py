"""Compare the speed of predictions: Keras's `model.predict` against the pipeline's own path.

Start it from the project's folder with `python -m benchmarks.compare_inference --run latest`.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import cyclopts
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cyclopts import Parameter
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.paired import Spread, ratios, run_child, turn_order, write_result
from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import CPU, use_device
from tasks.config.training import SourceConfig
from tasks.data.fetch import fetch_reviews
from tasks.data.sources.readers import official_train
from tasks.inference.open_model import model_of_run
from tasks.inference.predictor import Predictor, prepare_texts
from tasks.model.network import folded_network, keras_network
from tasks.runs.find import find_run

Side = Callable[[], Any]

SIDES = {
    "keras": "model.predict on padded arrays",
    "ours": "ours on padded arrays",
    "keras texts": "tokenizer + model.predict, from texts",
    "ours texts": "ours, from texts",
}

_AGAINST = {"ours": "keras", "ours texts": "keras texts"}

_GOALS = {"ours": 2.0, "ours texts": 1.5}

_WARM_ANSWERS = 200

_TOLERANCE = 1e-5

COLD = """
import time
from pathlib import Path
from tasks.inference.open_model import open_predictor
open_predictor(Path({artifacts!r}), {run!r}).predict(["A lovely film"])
print(time.time())
"""


def measure(
    artifacts: Path,
    name: str,
    reviews: int,
    pairs: int,
    peers: Mapping[str, Callable[[list[str]], object]] | None = None,
) -> dict[str, Any]:
    """Return seconds by side and round, warm answers and cold starts, on packaged reviews.

    `peers` are more sides by name: what other libraries do with the same texts.
    """
    run = find_run(artifacts, name)
    model = model_of_run(run)
    texts = _texts(artifacts, reviews)
    use_device(CPU)
    ours, keras = folded_network(model.file), keras_network(model.file)
    predictor = Predictor(model, ours)
    tokens = prepare_texts(texts, model.vocabulary, model.text).tokens
    rows = texts.to_pylist()
    sides: dict[str, Side] = {
        "keras": lambda: keras(tokens),
        "ours": lambda: ours.on_all_cores(tokens),
        "keras texts": lambda: keras(prepare_texts(texts, model.vocabulary, model.text).tokens),
        "ours texts": lambda: _of_one(predictor.predict(rows), model.label_names[1]),
    }
    answers = {side: answer() for side, answer in sides.items()}  # also warms up
    sides |= {side: partial(peer, rows) for side, peer in (peers or {}).items()}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for turn in track(range(pairs), "rounds", console=Console(stderr=True)):
        for side in turn_order(list(sides), turn):
            started = time.perf_counter()
            sides[side]()
            seconds[side].append(time.perf_counter() - started)
    return {
        "run": run.manifest.run_id,
        "reviews": reviews,
        "seconds": seconds,
        "largest_difference": max(
            float(abs(answer - answers["keras"]).max()) for answer in answers.values()
        ),
        "warm_ms": [_warm(predictor, text) for text in rows[:_WARM_ANSWERS]],
        "cold_seconds": [_cold(artifacts, name) for _ in range(max(3, pairs // 3))],
    }


def _of_one(answers: pa.RecordBatch, positive: str) -> np.ndarray:
    """Return the probability of label 1 of answers with that of their own label."""
    own = answers["probability"].to_numpy()
    of_one: np.ndarray = np.where(pc.equal(answers["label"], positive), own, 1 - own)
    return of_one


def _texts(artifacts: Path, reviews: int) -> pa.Array:
    source = fetch_reviews(SourceConfig(source="packaged"), ArtifactStore(artifacts))
    table = official_train(source.paths["reviews"])
    every = table.num_rows // reviews
    return table["text"].combine_chunks().take(np.arange(reviews) * every)


def _warm(predictor: Predictor, text: str) -> float:
    started = time.perf_counter()
    predictor.predict([text])
    return 1000 * (time.perf_counter() - started)


def _cold(artifacts: Path, name: str) -> float:
    """Return the seconds from the start of Python to its first answer."""
    started = time.time()
    code = COLD.format(artifacts=str(artifacts), run=name)
    return float(run_child([sys.executable, "-c", code]).output) - started


def table_of(measured: dict[str, Any]) -> Table:
    """Return the comparison for people; speed-ups are taken pair by pair."""
    table = Table("side", "reviews per second", "times as fast, pair by pair", "goal")
    seconds = measured["seconds"]
    for side, title in SIDES.items():
        rate = Spread.of([measured["reviews"] / taken for taken in seconds[side]])
        against = _AGAINST.get(side)
        faster = Spread.of(ratios(seconds[against], seconds[side])).text(2) if against else "1"
        table.add_row(title, rate.text(0), faster, str(_GOALS.get(side, "")))
    return table


def main(
    *,
    run: str = "latest",
    reviews: int = 2048,
    pairs: int = 15,
    artifacts: Path = Path("artifacts"),
    json_out: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Measure predictions in interleaved rounds inside one process.

    Args:
        run: The run whose model predicts, as in `runs.py`.
        reviews: How many of the packaged reviews.
        pairs: Rounds; each runs every side once.
        artifacts: Artifacts folder with the run.
        json_out: File to write all measures to.
    """
    measured = measure(artifacts.absolute(), run, reviews, pairs)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table_of(measured))
    console.print(
        f"Largest difference of probability: {measured['largest_difference']:.1e}"
        f" (allowed: {_TOLERANCE})"
    )
    warm = measured["warm_ms"]
    console.print(
        f"One text, warm process: median {statistics.median(warm):.2f} ms,"
        f" 95th percentile {np.quantile(warm, 0.95):.2f} ms"
    )
    console.print(f"Cold start: {Spread.of(measured['cold_seconds']).text(2)} s")
    if json_out is not None:
        write_result(json_out, measured)


if __name__ == "__main__":
    cyclopts.run(main)
