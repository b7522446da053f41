"""Measure which recipe fits how many rows: accuracy and calibration on parts of the IMDB reviews.

Start it from the project's folder with `python -m benchmarks.recipes_by_rows`.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import cyclopts
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cyclopts import Parameter
from pyarrow import csv
from rich.console import Console

from benchmarks.paired import now, scratch_folder, time_between, write_result
from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import file_sha256
from tasks.common.tables import Table, markdown
from tasks.config.recipes import with_recipe
from tasks.config.training import (
    DataConfig,
    FitConfig,
    ProtocolConfig,
    SourceConfig,
    TrainingConfig,
)
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.pad import pad_reviews
from tasks.data.persist import persist_parquet
from tasks.data.sources.source_files import SourceFiles
from tasks.evaluation.baselines import train_baseline
from tasks.evaluation.evaluate import evaluate_model
from tasks.model.build import build_model
from tasks.training.plan import TrainingPlan
from tasks.training.train import train_model

BASELINES = {
    "TF-IDF + logistic regression": "",
    "naive Bayes n-grams + logistic regression": "bayes_",
}

_DESCRIBED = {"protocol": "honest", "source": "files", "form": "files"}


def load_part(rows: int, tested: int, scratch: Path) -> Path:
    """Load `rows` reviews to learn from and `tested` others, and return the folder."""
    packaged = fetch_reviews(SourceConfig(source="packaged"), ArtifactStore(scratch / "store"))
    (path,) = packaged.paths.values()
    table = csv.read_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True))
    table = table.filter(pc.equal(table["source"], "imdb")).select(["text", "label"])
    order = pa.array(np.random.default_rng(0).permutation(len(table)))
    folder = scratch / f"{rows}"
    folder.mkdir()
    files = {"test": (0, tested), "train": (tested, rows)}
    for name, (start, length) in files.items():
        csv.write_csv(table.take(order.slice(start, length)), folder / f"{name}.csv")
    paths = {name: folder / f"{name}.csv" for name in files}
    source = SourceFiles(
        source="files",
        form="files",
        paths=paths,
        sha256={name: file_sha256(file) for name, file in paths.items()},
        columns=("text", "label"),
        reason="a benchmark",
    )
    load_reviews(source, DataConfig(), folder)
    return folder


def train_recipe(config: TrainingConfig, loaded: Path, folder: Path) -> dict[str, Any]:
    """Return the metrics of a network that is trained by a config."""
    for part in ("padded", "persisted", "trained"):
        (folder / part).mkdir(parents=True)
    sets = loaded / "train.parquet", loaded / "test.parquet"
    pad_reviews(*sets, config.text, config.protocol, folder / "padded")
    padded = {path.stem: path for path in (folder / "padded").iterdir()}
    persist_parquet(padded, {}, config.data.row_group_rows, folder / "persisted")
    train, validation, test = (
        folder / "persisted" / f"{name}.parquet" for name in ("train", "validation", "test")
    )
    text, network, fit = config.text, config.network, config.fit
    build_model(text.num_words, text.maxlen, network, fit.seed, folder)
    initial = folder / "initial_model.keras"
    plan = TrainingPlan(initial, train, validation, network, fit, folder / "trained")
    train_model(plan)
    evaluate_model(plan.best_model, test, fit.evaluation_batch_size, _DESCRIBED, folder)
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_bytes())
    return found


def measure_rows(
    rows: int, tested: int, recipes: tuple[str, ...], scratch: Path
) -> Iterator[dict[str, Any]]:
    """Yield accuracy, calibration error and processor time of both baselines and each recipe."""
    loaded = load_part(rows, tested, scratch)
    sets = loaded / "train.parquet", loaded / "test.parquet"
    train_baseline(*sets, ProtocolConfig(), _DESCRIBED, loaded)
    for name, prefix in BASELINES.items():
        found = json.loads((loaded / f"{prefix}baseline_metrics.json").read_bytes())
        yield _measured(name, rows, found)
    for name in recipes:
        begin = now()
        recipe, _, batch_size = name.partition(":")
        changed = {"fit": FitConfig(batch_size=int(batch_size))} if batch_size else {}
        found = train_recipe(with_recipe(recipe, changed), loaded, loaded / name)
        yield _measured(name, rows, found) | time_between(begin, now())


def _measured(name: str, rows: int, metrics: dict[str, Any]) -> dict[str, Any]:
    error = metrics["expected_calibration_error"]
    return {"name": name, "rows": rows, "accuracy": metrics["accuracy"], "calibration": error}


def main(
    *,
    rows: Annotated[tuple[int, ...], Parameter(consume_multiple=True)] = (500, 1_500, 5_000),
    recipes: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (
        "tutorial",
        "ngrams",
        "ngrams:32",
        "ngrams_tail",
    ),
    tested: int = 2_000,
    json_out: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Train each recipe on some numbers of packaged reviews, with seed 0.

    Args:
        rows: Reviews to learn from, the recipe's validation reviews included.
        recipes: Their names; behind a colon, another size of the batches.
        tested: Other reviews by which all are judged.
        json_out: File to write all measures to.
    """
    console, found = Console(highlight=False, stderr=True), list[dict[str, Any]]()
    with scratch_folder() as scratch:
        for count in rows:
            for one in measure_rows(count, tested, recipes, scratch):
                found.append(one)
                console.print(*(f"{name} {value}" for name, value in one.items()), sep=", ")
                if json_out is not None:
                    write_result(json_out, {"measured": found})
    names = dict.fromkeys(one["name"] for one in found)
    cells = {
        (one["name"], one["rows"]): f"{one['accuracy']:.4f}, {one['calibration']:.3f}"
        for one in found
    }
    lines = [[f"{count:,}", *(cells[name, count] for name in names)] for count in rows]
    sys.stdout.write(markdown(Table("rows", *names, rows=lines)))


if __name__ == "__main__":
    cyclopts.run(main)
