"""A file that is read in small pieces has the rows that it has when it is read at once."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.errors import BadDataError
from tasks.data.sources import tabular as module
from tasks.data.sources.tabular import read_rows
from tests.support.review_samples import write_file

TEXTS = st.lists(st.text("ab ,;\"'\n\r\tÉ漢", min_size=1, max_size=12), min_size=1, max_size=30)


def texts_of(path: Path, column: str = "text") -> list[str | None]:
    batches = [batch[column].cast(pa.string()) for batch in read_rows(path, [column])]
    return [text for batch in batches for text in batch.to_pylist()]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@settings(max_examples=25)
@given(texts=TEXTS, size=st.integers(64, 200))
def test_rows_do_not_depend_on_the_pieces_in_which_they_are_read(
    tmp_path_factory: pytest.TempPathFactory, kind: str, texts: list[str], size: int
) -> None:
    path = tmp_path_factory.mktemp("rows") / f"a.{kind}"
    write_file(path, {"number": list(range(len(texts))), "text": texts})
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_CSV_BYTES", "_JSONL_BYTES"):
            patch.setattr(module, name, size)
        patch.setattr(module, "_PARQUET_ROWS", 3)
        found = texts_of(path)
    assert found == texts


def test_a_field_that_only_some_lines_have_is_null_in_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text":"a"}\n\n\n\n\n\n\n\n\n{"label":1}\n{"text":"b"}\n')
    monkeypatch.setattr(module, "_JSONL_BYTES", 12)
    assert texts_of(path) == ["a", None, "b"]
    assert texts_of(path, "label") == [None, "1", None]
    with pytest.raises(BadDataError, match="has no column 'stars'; it has text, label"):
        texts_of(path, "stars")


def test_a_fault_far_behind_in_a_file_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CSV_BYTES", 64)
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "fine,1\n" * 100 + "one,two,three\n")
    with pytest.raises(BadDataError, match=r"a\.csv cannot be read as \.csv: CSV parse error"):
        texts_of(path)


def test_columns_that_are_not_asked_for_may_hold_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CSV_BYTES", 64)
    path = tmp_path / "a.csv"
    rows = [f"{row if row < 50 else 'many'},t{row}" for row in range(100)]
    path.write_text("\n".join(["stars,text", *rows]) + "\n")
    assert texts_of(path) == [f"t{row}" for row in range(100)]
