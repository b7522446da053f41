import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.common.atomic_files import file_sha256
from tasks.common.errors import BadDataError
from tasks.config.training import DataConfig
from tasks.data.load import load_reviews
from tasks.data.sources.keras_imdb import convert_npz
from tests.support.review_samples import fake_ranks, source_of, write_npz, write_word_index

Sets = dict[str, tuple[list[list[int]], list[int]]]


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    return write_npz(tmp_path / "imdb.npz", rows=30)


@pytest.fixture
def converted(npz: Path, tmp_path: Path) -> Path:
    convert_npz(npz, file_sha256(npz), tmp_path / "a.parquet")
    return tmp_path / "a.parquet"


def test_the_copy_holds_the_ranks_and_labels_of_both_sets(converted: Path) -> None:
    table = pq.read_table(converted)
    assert table.schema.names == ["split", "label", "ranks"]
    assert table.schema.field("label").type == pa.int8()
    assert table.schema.field("ranks").type.value_type == pa.int32()
    assert table["split"].to_pylist() == ["train"] * 30 + ["test"] * 30
    assert table["label"].to_pylist() == ([0] * 15 + [1] * 15) * 2
    assert table["ranks"].to_pylist() == fake_ranks(30, 40, 0) + fake_ranks(30, 40, 1)


@dataclass
class Payload:
    """Creates a file where it is unpickled."""

    path: Path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_file_of_another_hash_is_refused_before_anything_is_unpickled(tmp_path: Path) -> None:
    trace, npz = tmp_path / "was-here", tmp_path / "imdb.npz"
    armed = np.empty(1, object)
    armed[0] = Payload(trace)
    np.savez(npz, x_train=armed, y_train=armed, x_test=armed, y_test=armed)
    with pytest.raises(BadDataError, match=r"does not have the pinned SHA-256 0{12}… and was not"):
        convert_npz(npz, "0" * 64, tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == [npz]
    # The payload does work, once somebody unpickles it.
    np.load(npz, allow_pickle=True)["x_train"]
    assert trace.exists()


def test_a_damaged_file_that_has_the_hash_leaves_nothing_behind(npz: Path, tmp_path: Path) -> None:
    npz.write_bytes(npz.read_bytes()[:-50])
    with pytest.raises(zipfile.BadZipFile):
        convert_npz(npz, file_sha256(npz), tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == [npz]


def loaded_by_keras(npz: Path, monkeypatch: pytest.MonkeyPatch) -> Sets:
    import keras

    monkeypatch.setattr("keras.src.datasets.imdb.get_file", lambda **_: str(npz))
    # Not num_words=None: Keras then makes the largest id unknown, its bound being one too low.
    sets = keras.datasets.imdb.load_data(num_words=1000)
    return {
        name: ([list(ids) for ids in sequences], labels.tolist())
        for name, (sequences, labels) in zip(("train", "test"), sets, strict=True)
    }


def loaded_by_us(npz: Path, converted: Path, monkeypatch: pytest.MonkeyPatch) -> Sets:
    monkeypatch.setattr("tasks.data.validate.OFFICIAL_SPLIT_ROWS", 30)
    index = write_word_index(npz.parent / "index.json")
    out = npz.parent / "out"
    out.mkdir()
    files = source_of("keras", reviews=converted, word_index=index)
    assert load_reviews(files, DataConfig(), out)["label_names"] == ["negative", "positive"]
    assert json.loads((out / "vocabulary.json").read_bytes()) == json.loads(index.read_bytes())
    tables = {name: pq.read_table(out / f"{name}.parquet") for name in ("train", "test")}
    return {
        name: (table["tokens"].to_pylist(), table["label"].to_pylist())
        for name, table in tables.items()
    }


def test_loaded_reviews_are_kerass_own_in_kerass_own_order(
    npz: Path, converted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loaded_by_us(npz, converted, monkeypatch) == loaded_by_keras(npz, monkeypatch)
