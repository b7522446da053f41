"""One logical table has the same rows in each format, encoding, delimiter and compression."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.errors import BadDataError
from tasks.data.tables.decoding import LONGEST_TEXT, NOT_UTF8
from tasks.data.tables.fields import ReadOptions
from tasks.data.tables.rows import read_rows
from tests.support.samples.table_forms import ENCODINGS, FORMS, PACKERS, TEXT, Row

TABLE = st.lists(st.tuples(TEXT.map("x{}".format), st.sampled_from(["pos", "neg"])), min_size=1)


def read(path: Path, *columns: str, **options: object) -> list[Row]:
    """Return the rows of a file, the error of a row in place of its fields."""
    found: list[Row] = []
    for rows in read_rows(path, columns or ("text", "label"), ReadOptions(**options)):  # type: ignore[arg-type]
        errors = rows.errors.to_pylist()
        fields = zip(*[column.to_pylist() for column in rows.columns], strict=True)
        found += [(error,) if error else row for error, row in zip(errors, fields, strict=True)]
    return found


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=20)
@given(table=TABLE, encoding=st.sampled_from(ENCODINGS), packer=st.sampled_from(list(PACKERS)))
def test_a_table_has_the_same_rows_in_every_form(
    tmp_path_factory: pytest.TempPathFactory,
    form: str,
    table: list[Row],
    encoding: str,
    packer: str,
) -> None:
    # Written by most programs without quotes, a tab in a text cannot be told from its end.
    if form == "tab.tsv":
        table = [(str(text).replace("\t", " "), label) for text, label in table]
    path = tmp_path_factory.mktemp("rows") / f"{form}{packer}"
    path.write_bytes(PACKERS[packer](FORMS[form](table).encode(encoding)))
    assert read(path) == table


@given(table=TABLE)
@settings(max_examples=20)
def test_parquet_has_them_too_as_a_file_and_as_a_folder(
    tmp_path_factory: pytest.TempPathFactory, table: list[Row]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    texts, labels = zip(*table, strict=True)
    whole = pa.table({"text": texts, "label": pa.array(labels).dictionary_encode()})
    pq.write_table(whole, folder / "a.parquet")
    assert read(folder / "a.parquet") == table
    parts = folder / "parts.parquet"
    parts.mkdir()
    (parts / "_SUCCESS").touch()
    pq.write_table(whole.slice(0, 1), parts / "part-0.parquet")
    pq.write_table(whole.slice(1), parts / "part-1.parquet")
    assert read(parts) == table


def test_columns_in_the_names_of_folders_are_read(tmp_path: Path) -> None:
    for label in ("good", "a%2Fb", "__HIVE_DEFAULT_PARTITION__"):
        (tmp_path / f"a.parquet/label={label}").mkdir(parents=True)
        pq.write_table(pa.table({"text": ["x"]}), tmp_path / f"a.parquet/label={label}/0.parquet")
    assert sorted(map(str, read(tmp_path / "a.parquet"))) == [
        "('x', 'a/b')",
        "('x', 'good')",
        "('x', None)",
    ]


def test_the_names_of_a_class_label_are_used(tmp_path: Path) -> None:
    feature = {"names": ["neg", "pos"], "_type": "ClassLabel"}
    noted = {"huggingface": json.dumps({"info": {"features": {"label": feature}}})}
    table = pa.table({"text": ["a", "b", "c"], "label": [1, 0, -1]})
    pq.write_table(table.replace_schema_metadata(noted), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [("a", "pos"), ("b", "neg"), ("c", None)]


def test_columns_are_read_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label,label2,x,x\n2020-01-01,01,a,1,2\n1e5,007,b,1,2\n")
    assert read(tmp_path / "a.csv") == [("2020-01-01", "01"), ("1e5", "007")]
    lines = [
        '{"text": 1.0, "label": true, "id": 1}',
        '{"text": 12345678901234567890, "label": null, "id": "x"}',
        '{"text": NaN, "id": {"a": 1, "a": 2}}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    expected = [("1.0", "true"), ("12345678901234567890", None), (None, None)]
    assert read(tmp_path / "a.jsonl") == expected
    table = pa.table({"text": [1.5, float("nan")], "label": [True, None]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [("1.5", "true"), (None, None)]


MANY = "the row has {} fields instead of 2: a text that holds the delimiter or a line end needs"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "a.csv",
            'text,label\na,1\nb\nc,1,2\n"d"e,1\nf,1\n',
            ["a", MANY.format(1), MANY.format(3), "a quote in it is neither doubled nor", "f"],
        ),
        (
            "a.tsv",
            'text\tlabel\n"a\t1\nb" c\t1\nd\n"e\te"\t1\n"f\nf"\t1\n"g"\t1\n',
            ['"a', 'b" c', MANY.format(1), "e\te", "f\nf", "g"],
        ),
        (
            "a.jsonl",
            '{"text":"a"}\n\n{"text":\n{"text":"b"} x\n[1]\n{"text":"c","text":"d"}\n{"x":1}\n',
            [
                "a",
                "it is no JSON",
                "something follows the object",
                "it is no JSON object",
                "it has the field 'text' twice",
                None,
            ],
        ),
        (
            "a.jsonl",
            '{"text":["a"]}\n{"text":"\\ud83d"}\n{"text":"é"}',
            ["its field 'text' is no text but holds several values", NOT_UTF8, "é"],
        ),
    ],
)
def test_a_bad_row_has_an_error_in_its_place(
    tmp_path: Path, name: str, content: str, expected: list[str | None]
) -> None:
    (tmp_path / name).write_text(content)
    found = [row[0] for row in read(tmp_path / name, "text")]
    assert len(found) == len(expected), found
    for row, start in zip(found, expected, strict=True):
        assert row == start or str(row).startswith(str(start))


def test_a_text_that_is_too_long_or_not_utf8_is_an_error_of_its_row(tmp_path: Path) -> None:
    long = b"x" * (LONGEST_TEXT + 1)
    (tmp_path / "a.csv").write_bytes(b"text,n\n" + b"y,1\n" * 20_000 + long + b",1\n\xe9,1\nz,1\n")
    last = read(tmp_path / "a.csv", "text")[-3:]
    assert [row[0] for row in last] == [
        f"the text has more than {LONGEST_TEXT:,} bytes",
        NOT_UTF8,
        "z",
    ]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b'text,n\na,1\n"b,1\nc,1\n', r"a.csv: row 1 \(line 3\): a quote opens there"),
        ("a.csv", b'text,n\n"b,1\nc,1\n"d",1\n', r"row 0 \(line 2\): a quote opens there"),
        ("a.csv", b'n,text\n1,"b\n' + b"2,c\n" * 9 + b'3,d"\n', "a.csv: line 2: a quote opens"),
        ("a.csv", b'"text,n\na,1\n', "the header: a quote opens there"),
        ("a.tsv", b'text\tn\n"b\nc\t1\n', r"row 0 \(line 2\): a quote opens"),
        (
            "a.csv",
            "text\nÇa été très bien\n".encode("cp1252") * 9,
            "line 2 is not UTF-8; it is likely",
        ),
        *((f"a.{kind}", b"", f"a.{kind} is empty") for kind in ("csv", "jsonl", "parquet")),
        ("a.csv", b"\n\n", "has no header line, which names the columns"),
        ("a", b"text\na\n", "unknown kind of file; allowed are .csv, .tsv"),
        ("a.csv", b"Text,n\na,1\n", "has no column 'text'; it has 'Text', which is not the same"),
        ("a.csv", b"n, text\n1,a\n", "it has ' text', which is not the same"),
        ("a.csv", b"text,text\na,1\n", "has several columns 'text'"),
        (
            "a.csv",
            gzip.compress(b"text\na\n", mtime=0),
            "is compressed by gzip; give it a name that ends in",
        ),
        ("a.csv.gz", b"text\na\n", "is damaged: Not a gzipped file"),
        (
            "a.csv.gz",
            gzip.compress(b"text\na\n" * 99, mtime=0)[:-9],
            "is damaged: Compressed file ended",
        ),
        ("a.csv", b"  <!DOCTYPE html><p>", "is a web page; perhaps a download failed"),
        ("a.csv", b"PK\x03\x04", "is a zip or a spreadsheet"),
        ("a.jsonl", b"PAR1xx", "is a Parquet file; give it a name"),
        ("a.parquet", b"text\na\n", "cannot be read as Parquet"),
        ("a.xlsx", b"x", ".parquet, all but the last also with .gz, .*; save the sheet as CSV$"),
        ("a.parquet.gz", b"x", "unknown kind of file; .* but the last also with .gz, .bz2, .zst$"),
        ("a.json", b'[{"text": "a"}, {"text"]', "row 2: the array is no JSON from there on"),
        ("a.json", b'[{"text": "a"}', "row 1: the array is no JSON from there on"),
        (
            "a.jsonl",
            b'{"body": "a"}\n',
            "its columns are 'body' .another is chosen by --text-column.$",
        ),
    ],
)
def test_a_file_that_is_something_else_is_refused_with_a_sentence(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadDataError, match=sentence):
        read(tmp_path / name, "text")


def test_an_encoding_or_delimiter_that_is_named_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text~label\nété~1\n".encode("cp1252"))
    assert read(tmp_path / "a.csv", encoding="cp1252", delimiter="~") == [("été", "1")]
    with pytest.raises(BadDataError, match="--encoding cp0: there is no such encoding"):
        read(tmp_path / "a.csv", encoding="cp0")


def test_each_line_of_a_text_file_without_a_header_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text('fine, "film\n\ndull\r\n')
    assert read(tmp_path / "a.txt", "text", lines=True) == [('fine, "film',), ("",), ("dull",)]
    (tmp_path / "b.txt").write_text("label\ttext\n1\tfine\n")
    assert read(tmp_path / "b.txt", "text", lines=True) == [("fine",)]


PIECES = st.sampled_from([b'"text"', *(bytes([byte]) for byte in b'"\n\r,\t;a{}[]:\xe9\x00\\ ')])


@pytest.mark.parametrize(
    "name", ["a.csv", "a.tsv", "a.txt", "a.jsonl", "a.json", "a.csv.gz", "a.parquet"]
)
@settings(max_examples=75)
@given(pieces=st.lists(PIECES, max_size=30))
def test_any_bytes_are_rows_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, pieces: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(b"text\tn,text;label\n" * name.startswith("a.t") + b"".join(pieces))
    try:
        rows = read(path, "text", lines=name == "a.txt")
    except BadDataError as error:
        assert str(error).startswith(str(path))  # noqa: PT017 - either is right
    else:
        assert all(len(row) == 1 for row in rows)


def test_arrow_still_gives_tables_of_pandas() -> None:
    assert pa.table({"text": ["a", None]}).to_pandas()["text"].notna().tolist() == [True, False]
