from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.common.artifact_store import Fact
from tasks.common.errors import BadDataError
from tasks.config.recipes import config_of
from tasks.config.training import NgramBagConfig, TrainingConfig
from tasks.data.review_files import write_parquet
from tasks.labelling import network_judge
from tasks.model.build import MUCH, buckets_within
from tests.support.review_samples import fake_ranks, review_batch


def change_recipe(monkeypatch: pytest.MonkeyPatch, **changed: float) -> None:
    monkeypatch.setattr(
        network_judge, "config_of", lambda name, fields: config_of(name, fields | changed)
    )


def test_what_is_judged_is_told_by_other_reviews_in_its_own_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_recipe(monkeypatch, ngram_buckets=512, ngram_words=1, maxlen=16, batch_size=32)
    random = np.random.default_rng(0)
    truth, is_judged = random.integers(2, size=600), random.random(600) < 0.3
    lists = [
        [1, *(rank + 10 for rank in ranks), 4 + label]
        for label, ranks in zip(truth.tolist(), fake_ranks(600, 30, 0), strict=True)
    ]
    # Whoever learned from the labels that are judged would say the wrong ones.
    labels = np.where(is_judged, 1 - truth, truth)
    path = tmp_path / "train.parquet"
    write_parquet(path, [review_batch(lists, labels.tolist())], {}, 64)
    facts: dict[str, Fact] = {"source": "files", "form": "files", "label_names": ["bad", "good"]}
    judge = network_judge.NetworkJudge(facts, "words", tmp_path)
    given = judge(pq.read_table(path), is_judged)
    assert given.shape == (is_judged.sum(),)
    assert ((given > 0.5) == truth[is_judged]).mean() > 0.95
    assert [file.name for file in tmp_path.iterdir()] == ["train.parquet"]


@pytest.mark.parametrize(("labels", "buckets"), [(2, 2**21), (16, 2**21), (80, 2**18)])
def test_of_many_labels_the_table_is_smaller_than_the_recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: int, buckets: int
) -> None:
    asked: list[TrainingConfig] = []

    def learn(_: object, __: object, config: TrainingConfig, ___: object) -> None:
        asked.append(config)
        raise BadDataError("only asked")

    monkeypatch.setattr(network_judge, "learn", learn)
    path = tmp_path / "train.parquet"
    write_parquet(path, [review_batch([[1, 4], [1, 5]], [0, 1])], {}, 64)
    names = [str(label) for label in range(labels)]
    facts: dict[str, Fact] = {"source": "files", "form": "files", "label_names": names}
    judge = network_judge.NetworkJudge(facts, "words", tmp_path)
    with pytest.raises(BadDataError, match="only asked"):
        judge(pq.read_table(path), np.array([True, False]))
    (config,) = asked
    assert isinstance(config.network, NgramBagConfig)
    assert config.network.ngram_buckets == buckets
    assert buckets <= buckets_within(MUCH, labels)
