import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.linear_control import train_control, word_counts
from tasks.review_files import write_parquet
from tasks.split_validation import validation_mask
from tasks.training_config import ProtocolConfig
from tests.review_samples import fake_ranks, review_batch

HONEST, TUTORIAL = ProtocolConfig(), ProtocolConfig(protocol="tutorial")
DESCRIBED = {"source": "files", "form": "files"}


def write_set(path: Path, rows: int, seed: int) -> Path:
    """Write reviews whose label their first word tells."""
    lists = [
        [1, 4 + row % 2, *(rank + 8 for rank in ranks)]
        for row, ranks in enumerate(fake_ranks(rows, 30, seed))
    ]
    write_parquet(path, [review_batch(lists)], {}, 64)
    return path


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    return write_set(tmp_path / "train.parquet", 200, 0), write_set(tmp_path / "t.parquet", 60, 1)


def test_words_are_counted_and_start_unknown_and_rarer_words_are_not() -> None:
    tokens = pa.chunked_array([[[1, 4, 4, 6], [1, 2, 9]]], pa.list_(pa.int32()))
    assert word_counts(tokens).toarray().tolist() == [[2, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]]
    assert word_counts(tokens, 3).toarray().tolist() == [[2, 0, 1], [0, 0, 0]]


def test_the_control_learns_what_the_words_tell(sets: tuple[Path, Path], tmp_path: Path) -> None:
    facts = train_control(*sets, HONEST, DESCRIBED, tmp_path)
    assert facts["accuracy"] == 1.0
    metrics = json.loads((tmp_path / "control_metrics.json").read_text())
    assert (metrics["name"], metrics["protocol"]) == (facts["name"], "honest")
    predictions = pq.read_table(tmp_path / "control_predictions.parquet")
    assert predictions["review_id"].to_pylist() == list(range(60))
    assert ((predictions["probability"].to_numpy() > 0.5) == predictions["label"].to_numpy()).all()


def test_it_learns_from_the_same_reviews_as_the_network(
    sets: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.linear_model import LogisticRegression

    learned = []
    fit = LogisticRegression.fit

    def watched(model: LogisticRegression, rows: object, labels: np.ndarray) -> object:
        learned.append(len(labels))
        return fit(model, rows, labels)

    monkeypatch.setattr(LogisticRegression, "fit", watched)
    for protocol in (HONEST, TUTORIAL):
        train_control(*sets, protocol, DESCRIBED, tmp_path)
    assert learned == [160, 200]


def test_equal_inputs_give_equal_bytes(sets: tuple[Path, Path], tmp_path: Path) -> None:
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        train_control(*sets, HONEST, DESCRIBED, tmp_path / name)
        contents.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert contents[0] == contents[1]


def test_the_tutorial_sets_no_review_apart() -> None:
    assert not validation_mask(np.array([0, 1] * 10), TUTORIAL).any()
    assert validation_mask(np.array([0, 1] * 10), HONEST).sum() == 4
