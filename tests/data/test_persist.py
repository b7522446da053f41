from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data.persist import persist_parquet
from tasks.data.review_files import read_parquet, review_schema, write_arrow
from tests.support.review_samples import review_batch

LISTS = st.lists(st.lists(st.integers(0, 99), min_size=4, max_size=4), min_size=1, max_size=20)


@settings(max_examples=30)
@given(sets=st.dictionaries(st.sampled_from(["train", "validation", "test"]), LISTS, min_size=1))
def test_every_set_is_written_whole(
    tmp_path_factory: pytest.TempPathFactory, sets: dict[str, list[list[int]]]
) -> None:
    folder = tmp_path_factory.mktemp("sets")
    for name, lists in sets.items():
        write_arrow(folder / f"{name}.arrow", [review_batch(lists)])
    padded = {name: folder / f"{name}.arrow" for name in sets}
    rows = persist_parquet(padded, {"source": "ours"}, 8, folder / "out")
    assert rows == {name: len(lists) for name, lists in sets.items()}
    assert {path.name for path in (folder / "out").iterdir()} == {
        f"{name}.parquet" for name in (*sets, "parts")
    }
    for name, lists in sets.items():
        batches = read_parquet(folder / "out" / f"{name}.parquet")
        found = pa.Table.from_batches(list(batches)).replace_schema_metadata()
        assert found.equals(pa.Table.from_batches([review_batch(lists)]))
    parts = pq.read_table(folder / "out/parts.parquet").to_pylist()
    assert [tuple(row.values()) for row in parts] == [
        (name, row, row) for name, lists in sets.items() for row in range(len(lists))
    ]


def test_each_file_says_its_set_its_source_and_has_the_row_groups_asked_for(tmp_path: Path) -> None:
    write_arrow(tmp_path / "a.arrow", [review_batch([[1, 4]] * 7), review_batch([[1, 5]] * 6)])
    padded = {"train": tmp_path / "a.arrow", "test": tmp_path / "a.arrow"}
    persist_parquet(padded, {"source": "ours", "protocol": "honest"}, 5, tmp_path)
    for name in ("train", "test"):
        metadata = pq.read_metadata(tmp_path / f"{name}.parquet")
        assert [metadata.row_group(i).num_rows for i in range(3)] == [5, 5, 3]
        schema = pq.read_schema(tmp_path / f"{name}.parquet")
        assert schema.equals(review_schema())
        named = {key: value for key, value in schema.metadata.items() if b"ARROW" not in key}
        assert named == {
            b"schema_version": b"2",
            b"source": b"ours",
            b"protocol": b"honest",
            b"set": name.encode(),
        }
