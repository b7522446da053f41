import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import BadDataError
from tasks.data.sources import text_chunks as module
from tasks.data.sources.text_chunks import TextChunk, chunked
from tasks.data.tables.fields import ReadOptions
from tasks.data.tables.rows import read_rows
from tests.support.review_samples import write_file

LINES = ReadOptions(lines=True)


def chunks_of(path: Path, rows: int = 7, options: ReadOptions = LINES) -> list[TextChunk]:
    return list(chunked(read_rows(path, ["text"], options), rows))


def read(path: Path, rows: int = 7) -> list[Any]:
    """Return each row's text, or its error in a list."""
    found: list[Any] = []
    for number, chunk in enumerate(chunks_of(path, rows)):
        assert (chunk.number, chunk.first_row) == (number, len(found))
        assert 0 < len(chunk.rows) <= rows
        rows_read = chunk.rows.to_pylist()
        found += [row["text"] if row["error"] is None else [row["error"]] for row in rows_read]
    return found


@given(texts=st.lists(st.text(max_size=12), min_size=1, max_size=30), rows=st.integers(1, 9))
def test_chunks_have_the_rows_in_order_whatever_their_size(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], rows: int
) -> None:
    path = tmp_path_factory.mktemp("chunks") / "a.jsonl"
    assert read(write_file(path, {"text": texts}), rows) == texts


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_texts_are_those_that_the_training_reads(tmp_path: Path, suffix: str) -> None:
    chance = random.Random(0)
    texts = ['say "hi"', "a,b", "two\nlines", "NA", "null", "", "é 评论", "1", "true", " x "]
    texts += ["".join(chance.choices("ab ,\"'\n\t", k=9)) for _ in range(40)]
    file = write_file(tmp_path / f"r{suffix}", {"text": texts, "label": [0] * len(texts)})
    batches = read_rows(file, ["text", "label"])
    trained = [text for rows in batches for text in rows.columns[0].to_pylist()]
    assert read(file) == trained == texts


def test_long_texts_make_shorter_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK_BYTES", 1000)
    monkeypatch.setattr("tasks.data.tables.rows._BATCH_ROWS", 2)
    (tmp_path / "a.txt").write_text(("x" * 400 + "\n") * 10)
    assert [len(chunk.rows) for chunk in chunks_of(tmp_path / "a.txt", 8)] == [4, 4, 2]


def test_the_kind_may_be_said_where_the_name_does_not_say_it(tmp_path: Path) -> None:
    (tmp_path / "reviews").write_text('{"text": "a"}\n')
    with pytest.raises(BadDataError, match="unknown kind of file; allowed are"):
        chunks_of(tmp_path / "reviews")
    (chunk,) = chunks_of(tmp_path / "reviews", options=ReadOptions(kind="jsonl"))
    assert chunk.rows["text"].to_pylist() == ["a"]
    with pytest.raises(BadDataError, match="there is no such file"):
        chunks_of(tmp_path / "none.csv")
