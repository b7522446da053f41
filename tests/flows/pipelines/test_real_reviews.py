"""The real reviews, as the declared dependency or the package index carries them."""

from pathlib import Path

import pytest

from flows.pipelines.train import train_flow
from tasks.common.artifact_store import ArtifactStore
from tasks.config.training import DataConfig, SourceConfig, validated_config
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.sources.readers import read_source

KERAS_MEAN_LENGTH = 238.71364
"""Of the training reviews in Keras's own `imdb.npz`, with the start id."""


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
