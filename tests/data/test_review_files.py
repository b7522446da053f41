from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data.review_files import (
    padded_matrix,
    read_arrow,
    read_parquet,
    review_schema,
    token_lists,
    write_arrow,
    write_parquet,
)
from tests.support.review_samples import review_batch

IDS = st.integers(0, 2**31 - 1)

LISTS = st.lists(st.lists(IDS, max_size=6), max_size=20)


@st.composite
def review_batches(draw: st.DrawFn) -> list[pa.RecordBatch]:
    """Draw reviews and cut them into batches, of which some are empty."""
    whole = review_batch(draw(LISTS))
    cuts = sorted(draw(st.lists(st.integers(0, whole.num_rows), max_size=4)))
    begins, ends = [0, *cuts], [*cuts, whole.num_rows]
    return [whole.slice(a, b - a) for a, b in zip(begins, ends, strict=True)]


def as_table(batches: list[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches(batches, schema=review_schema())


@settings(max_examples=50)
@given(batches=review_batches(), rows=st.integers(1, 25), reading=st.integers(1, 25))
def test_reviews_survive_parquet_in_full_row_groups(
    tmp_path_factory: pytest.TempPathFactory, batches: list[pa.RecordBatch], rows: int, reading: int
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "a.parquet"
    expected = as_table(batches)
    assert write_parquet(path, batches, {}, rows) == expected.num_rows
    found = list(read_parquet(path, reading))
    assert all(batch.num_rows <= reading for batch in found)
    assert as_table([batch.replace_schema_metadata() for batch in found]).equals(expected)
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert sum(groups) == expected.num_rows
    assert all(group == rows for group in groups[:-1])
    assert all(0 < group <= rows for group in groups[-1:])


@settings(max_examples=50)
@given(batches=review_batches())
def test_reviews_survive_an_arrow_file(
    tmp_path_factory: pytest.TempPathFactory, batches: list[pa.RecordBatch]
) -> None:
    path = tmp_path_factory.mktemp("arrow") / "a.arrow"
    write_arrow(path, batches)
    assert as_table(list(read_arrow(path))).equals(as_table(batches))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    lists = [[1, *range(4, 4 + row % 5)] for row in range(40)]
    write_parquet(tmp_path / "a.parquet", [review_batch(lists)], {"source": "ours"}, 16)
    return tmp_path / "a.parquet"


def test_the_schema_in_the_file_is_the_one_that_is_promised(written: Path) -> None:
    schema = pq.read_schema(written)
    assert schema.equals(review_schema())
    assert schema.names == [
        *("review_id", "label", "tokens", "length", "unknown", "text_hash", "unit")
    ]
    assert schema.field("tokens").type.value_type == pa.int32()
    assert schema.field("label").type == pa.int8()
    others = {schema.field(name).type for name in ("review_id", "length", "unknown")}
    assert others == {pa.int32()}
    assert {schema.field(name).type for name in ("text_hash", "unit")} == {pa.uint64()}


def test_columns_are_zstd_and_tokens_and_labels_have_a_dictionary(written: Path) -> None:
    metadata = pq.read_metadata(written)
    assert metadata.num_row_groups == 3
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        columns = [group.column(i) for i in range(group.num_columns)]
        assert {column.compression for column in columns} == {"ZSTD"}
        coded = {column.path_in_schema for column in columns if column.has_dictionary_page}
        assert coded == {"label", "tokens.list.element"}


def test_equal_reviews_give_equal_bytes_however_they_are_batched(tmp_path: Path) -> None:
    whole = review_batch([[1, 4 + row] for row in range(30)])
    write_parquet(tmp_path / "a.parquet", [whole], {"a": "b"}, 8)
    write_parquet(tmp_path / "b.parquet", [whole.slice(0, 11), whole.slice(11)], {"a": "b"}, 8)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def broken_batches() -> Iterator[pa.RecordBatch]:
    yield review_batch([[1, 5]] * 9)
    raise RuntimeError("no more")


def test_the_old_file_stays_and_no_new_one_appears_when_writing_fails(written: Path) -> None:
    before = written.read_bytes()
    with pytest.raises(RuntimeError, match="no more"):
        write_parquet(written, broken_batches(), {}, 4)
    with pytest.raises(RuntimeError, match="no more"):
        write_arrow(written.with_suffix(".arrow"), broken_batches())
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


def test_a_batch_of_another_schema_is_refused(tmp_path: Path) -> None:
    batch = pa.record_batch({"tokens": [[1]]})
    with pytest.raises(ValueError, match="schema"):
        write_parquet(tmp_path / "a.parquet", [batch], {}, 4)
    assert list(tmp_path.iterdir()) == []


def test_token_lists_and_padded_matrix_undo_each_other() -> None:
    matrix = np.arange(12, dtype=np.int32).reshape(4, 3)
    lists = token_lists(matrix.reshape(-1), np.arange(5) * 3)
    assert lists.to_pylist() == matrix.tolist()
    assert (padded_matrix(lists) == matrix).all()
    assert (padded_matrix(lists.slice(1, 2)) == matrix[1:3]).all()
