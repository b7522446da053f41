from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.config.training import ProtocolConfig, TextConfig
from tasks.data.pad import pad_reviews
from tasks.data.review_files import padded_matrix, read_arrow, review_schema, write_parquet
from tasks.data.text.padding import pad_tokens
from tests.support.review_samples import ragged, review_batch

SIDES = st.sampled_from(["pre", "post"])

HONEST = ProtocolConfig(validation_fraction=0.25)

TUTORIAL = ProtocolConfig(protocol="tutorial")


def padded(lists: list[list[int]], **text: Any) -> list[list[int]]:
    matrix = pad_tokens(ragged(lists), TextConfig(**text))
    assert matrix.dtype == np.int32
    assert matrix.shape == (len(lists), text["maxlen"])
    rows: list[list[int]] = matrix.tolist()
    return rows


@given(
    lists=st.lists(st.lists(st.integers(1, 40), max_size=12), max_size=8),
    num_words=st.integers(4, 45),
    maxlen=st.integers(1, 14),
    padding=SIDES,
    truncating=SIDES,
)
@example([], 4, 3, "pre", "pre")
@example([[], []], 4, 3, "post", "pre")
@example([[1, 9, 10, 11, 2], [1, 5]], 10, 4, "pre", "pre")
def test_padded_tokens_are_those_of_keras(
    lists: list[list[int]], num_words: int, maxlen: int, padding: str, truncating: str
) -> None:
    import keras

    known = [[number if number < num_words else 2 for number in ids] for ids in lists]
    sides = {"padding": padding, "truncating": truncating}
    expected = keras.utils.pad_sequences(known, maxlen=maxlen, **sides)
    assert padded(lists, num_words=num_words, maxlen=maxlen, **sides) == expected.tolist()


@given(
    lists=st.lists(st.lists(st.integers(1, 40), max_size=12), max_size=8),
    head=st.integers(1, 6),
    tail=st.integers(1, 6),
    padding=SIDES,
)
def test_cutting_in_the_middle_keeps_both_ends_of_long_reviews_and_short_ones_whole(
    lists: list[list[int]], head: int, tail: int, padding: str
) -> None:
    def reference(ids: list[int]) -> list[int]:
        kept = ids if len(ids) <= head + tail else ids[:head] + ids[-tail:]
        filling = [0] * (head + tail - len(kept))
        return filling + kept if padding == "pre" else kept + filling

    text = {"maxlen": head + tail, "head": head, "truncating": "middle", "padding": padding}
    assert padded(lists, num_words=45, **text) == [reference(ids) for ids in lists]


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    """Write 60 + 20 training reviews of the classes 0 and 1 and 12 test reviews."""
    tokens = [[1, *range(4, 5 + row % 9), 100 + row] for row in range(80)]
    train = review_batch(tokens, [int(row % 4 == 3) for row in range(80)])
    for name, batch in (("train", train), ("test", review_batch(tokens[:12]))):
        write_parquet(tmp_path / f"{name}.parquet", [batch], {}, 16)
    return tmp_path / "train.parquet", tmp_path / "test.parquet"


TEXT = TextConfig(num_words=150, maxlen=8)


def table(path: Path) -> pa.Table:
    return pa.Table.from_batches(read_arrow(path), schema=review_schema())


def test_the_honest_split_is_whole(sets: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    rows = pad_reviews(*sets, TEXT, HONEST, folder)
    train, validation = table(folder / "train.arrow"), table(folder / "validation.arrow")
    assert set(train["label"].to_pylist()) == set(validation["label"].to_pylist()) == {0, 1}
    assert rows == {"train_rows": len(train), "validation_rows": len(validation), "test_rows": 12}
    assert len(validation) == pytest.approx(20, abs=10)
    ids = train["review_id"].to_pylist() + validation["review_id"].to_pylist()
    assert sorted(ids) == list(range(80))
    assert table(folder / "test.arrow")["review_id"].to_pylist() == list(range(12))


def test_the_split_depends_on_its_seed_alone(sets: tuple[Path, Path], tmp_path: Path) -> None:
    def validation_ids(name: str, text: TextConfig, seed: int) -> list[int]:
        protocol = HONEST.model_copy(update={"split_seed": seed})
        pad_reviews(*sets, text, protocol, tmp_path / name)
        ids: list[int] = table(tmp_path / name / "validation.arrow")["review_id"].to_pylist()
        return ids

    first = validation_ids("a", TEXT, 0)
    assert validation_ids("b", TEXT, 0) == first
    assert validation_ids("c", TextConfig(num_words=9, maxlen=3, padding="post"), 0) == first
    assert validation_ids("d", TEXT, 1) != first
    for name in ("train", "validation", "test"):
        files = [tmp_path / folder / f"{name}.arrow" for folder in ("a", "b")]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_the_tutorial_protocol_keeps_all_training_reviews_and_validates_on_none(
    sets: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    assert pad_reviews(*sets, TEXT, TUTORIAL, folder) == {"train_rows": 80, "test_rows": 12}
    assert {path.name for path in folder.iterdir()} == {"train.arrow", "test.arrow"}
    assert table(folder / "train.arrow")["review_id"].to_pylist() == list(range(80))


def test_a_review_keeps_its_label_and_counts(sets: tuple[Path, Path], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    pad_reviews(*sets, TextConfig(num_words=9, maxlen=4), TUTORIAL, folder)
    row = table(folder / "train.arrow").slice(7, 1).to_pylist()[0]
    # The review [1, 4, ..., 11, 107]: ten tokens, of which 9, 10, 11 and 107 are unknown.
    assert row == {"review_id": 7, "label": 1, "tokens": [2] * 4, "length": 10, "unknown": 4} | {
        "text_hash": 7,
        "unit": 7,
    }


def test_words_that_were_unknown_before_are_counted_too(tmp_path: Path) -> None:
    batch = review_batch([[1, 2, 5, 50], [1, 2, 2, 2]])
    write_parquet(tmp_path / "a.parquet", [batch], {}, 16)
    paths = (tmp_path / "a.parquet", tmp_path / "a.parquet")
    pad_reviews(*paths, TextConfig(num_words=10, maxlen=3), TUTORIAL, tmp_path / "out")
    assert table(tmp_path / "out/test.arrow")["unknown"].to_pylist() == [2, 3]


def test_reviews_of_many_batches_keep_their_own_tokens(tmp_path: Path) -> None:
    rows = 5000  # more than one batch of the reader
    write_parquet(
        tmp_path / "a.parquet", [review_batch([[1, 4 + row] for row in range(rows)])], {}, 512
    )
    text = TextConfig(num_words=rows + 4, maxlen=3)
    pad_reviews(tmp_path / "a.parquet", tmp_path / "a.parquet", text, HONEST, tmp_path / "out")
    seen = []
    for name in ("train", "validation"):
        for batch in read_arrow(tmp_path / f"out/{name}.arrow"):
            ids = batch["review_id"].to_numpy()
            assert (padded_matrix(batch["tokens"])[:, 2] == ids + 4).all()
            assert (batch["label"].to_numpy() == ids % 2).all()
            seen += ids.tolist()
    assert sorted(seen) == list(range(rows))
