import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import BadDataError
from tasks.data.sources import text_chunks as module
from tasks.data.sources.tabular import read_rows
from tasks.data.sources.text_chunks import Kind, TextChunk, kind_of, read_texts
from tests.support.review_samples import write_file

ROWS = st.lists(st.text(max_size=12), max_size=30)


def chunks_of(content: bytes, kind: Kind, rows: int = 7, column: str = "text") -> list[TextChunk]:
    return list(read_texts(io.BytesIO(content), kind, column, rows, len(content)))


def read(content: bytes, kind: Kind, rows: int = 7, column: str = "text") -> list[Any]:
    """Return each row's text, or its error in a list."""
    found: list[Any] = []
    for number, chunk in enumerate(chunks_of(content, kind, rows, column)):
        assert (chunk.number, chunk.first_row) == (number, len(found))
        assert 0 < len(chunk.rows) <= rows
        both = zip(chunk.rows.texts.to_pylist(), chunk.rows.errors.to_pylist(), strict=True)
        found += [text if error is None else [error] for text, error in both]
    return found


@given(texts=ROWS, rows=st.integers(1, 9))
def test_rows_of_every_kind_of_file_come_in_order(texts: list[str], rows: int) -> None:
    lines = "".join(f"{json.dumps({'text': text})}\n" for text in texts).encode()
    assert read(lines, "jsonl", rows) == texts
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["n", "text"], *([1, text] for text in texts)])
    assert read(buffer.getvalue().encode(), "csv", rows) == texts
    parquet = io.BytesIO()
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), parquet)
    assert read(parquet.getvalue(), "parquet", rows) == texts
    plain = [text.replace("\n", " ").replace("\r", " ").lstrip("\ufeff") for text in texts]
    assert read("".join(f"{text}\n" for text in plain).encode(), "txt", rows) == plain


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_one_sentence(content: bytes) -> None:
    assert len(read(content, "txt")) == len(content.removesuffix(b"\n").split(b"\n")) * bool(
        content
    )
    read(content, "jsonl")
    for kind in ("csv", "parquet"):
        try:
            read(content, kind)
        except BadDataError as error:
            assert "\n" not in str(error)  # noqa: PT017 - it need not be raised


NOT_UTF8 = ["the text is not valid UTF-8"]


@pytest.mark.parametrize(
    ("kind", "content", "rows"),
    [
        (
            "csv",
            b'id,text\n1,good\n2\n3,"two\nlines"\n\n4,a,b\n5,\xff\n6,last',
            [
                "good",
                ["the row has 1 fields instead of 2"],
                "two\nlines",
                ["the row has 3 fields instead of 2"],
                NOT_UTF8,
                "last",
            ],
        ),
        (
            "jsonl",
            b'{"text": "a"}\n{"t": 1}\n\nno\n[1]\n{"text": 5}\n{"text": null}\n{"text": "\xff"}\n',
            [
                "a",
                ["there is no field 'text'"],
                ["the line is no JSON"],
                ["the line is no JSON object"],
                ["the text is no string but int"],
                None,
                NOT_UTF8,
            ],
        ),
        ("jsonl", b"[" * 100_000, [["the line is no JSON"]]),
        ("txt", b"\xef\xbb\xbfone\r\n\ntwo\n\xff", ["one", "", "two", NOT_UTF8]),
        ("txt", b"", []),
    ],
)
def test_bad_rows_keep_their_place(kind: Kind, content: bytes, rows: list[Any]) -> None:
    assert read(content, kind) == rows


@pytest.mark.parametrize("kind", ["txt", "csv", "jsonl"])
def test_a_text_that_is_too_long_is_a_bad_row(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_TEXT", 100)
    monkeypatch.setattr(module, "_LONGEST_LINE", 200)
    texts = ["a", "b" * 101, "c" * 1000, "d" * 100]
    wrapped = {
        "txt": texts,
        "csv": ["text", *texts],
        "jsonl": [json.dumps({"text": text}) for text in texts],
    }[kind]
    found = read("\n".join(wrapped).encode(), kind)
    texts = [row if isinstance(row, str) else "bad" for row in found]
    assert texts == ["a", "bad", "bad", "d" * 100]


@pytest.mark.parametrize(
    ("column", "rows"),
    [
        (pa.array([b"a", b"\xff", None], pa.binary()), ["a", NOT_UTF8, None]),
        (pa.array([b"\xed\xa0\x80", b"a"]), [NOT_UTF8, "a"]),
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (pa.array([1, 22, None]), ["1", "22", None]),
    ],
)
def test_bytes_of_a_parquet_file_may_be_bad_rows_and_numbers_are_texts(
    column: pa.Array, rows: list[Any]
) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"text": column}), file)
    assert read(file.getvalue(), "parquet") == rows


def test_long_texts_make_chunks_of_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK_BYTES", 1000)
    monkeypatch.setattr(module, "_PARQUET_ROWS", 2)
    content = b"".join(b"x" * 400 + b"\n" for _ in range(10))
    assert [len(chunk.rows) for chunk in chunks_of(content, "txt", 8)] == [4, 4, 2]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_texts_are_those_that_the_training_reads(tmp_path: Path, suffix: str) -> None:
    chance = random.Random(0)
    texts = ['say "hi"', "a,b", "two\nlines", "NA", "null", "", "é 评论", "1", "true", " x "]
    texts += ["".join(chance.choices("ab ,\"'\n\t", k=9)) for _ in range(40)]
    file = write_file(tmp_path / f"r{suffix}", {"text": texts, "label": [0] * len(texts)})
    trained = [text for batch in read_rows(file, ["text"]) for text in batch["text"].to_pylist()]
    assert read(file.read_bytes(), kind_of(file.name)) == trained == texts


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_missing_column_is_named_and_a_torn_file_is_refused(kind: Kind, tmp_path: Path) -> None:
    content = write_file(tmp_path / f"r.{kind}", {"body": ["a"], "label": ["b"]}).read_bytes()
    with pytest.raises(BadDataError, match="no column 'text'; it has body, label"):
        read(content, kind)
    if kind == "parquet":
        with pytest.raises(BadDataError, match="cannot be read as Parquet"):
            read(content[:-20], kind)


def test_an_unknown_ending_names_the_known_ones() -> None:
    with pytest.raises(BadDataError, match=r"allowed are \.csv, \.jsonl, \.parquet, \.txt"):
        kind_of("reviews.xlsx")
