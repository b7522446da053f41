"""What people reported in public of reading texts, each as a small file of invented rows."""

import re
from pathlib import Path

import pytest

from tasks.common.errors import BadDataError
from tests.data.tables.test_rows import read

PAGE = Path(__file__).parents[3] / "docs/own_data.md"

STRAY = "a quote in it is neither doubled nor"

FIELDS = "the row has {} fields instead of 2"

FAULTS = (STRAY, FIELDS[:12], "it is no")

UNCLOSED = "a quote opens there and does not close as it should"

LATIN = "text,label\nSe acabó la película,1\nQué lástima más grande,0\n".encode("cp1252")

REPORTS: dict[str, tuple[str, bytes, list[str] | str]] = {
    "pandas 22661": ("a.tsv", b'text\tlabel\na\t1\n"b"\t0\n"c\t1\n', ["a", "b", '"c']),
    "pandas 22140": ("a.txt", b'text|label\na|1\n"|0\nb|1\n', f"row 1 (line 3): {UNCLOSED}"),
    "pandas 15910": ("a.csv", b'text,label\na,1\n"b"c,0\n', ["a", STRAY]),
    "pandas 24681": ("a.csv", b"text,label\nn/a,1\nNA,0\nnull,1\n", ["n/a", "NA", "null"]),
    "pandas 59009": ("a.csv", b"text,label\n" + b'"ab\ncd",1\n' * 200_000, ["ab\ncd"] * 200_000),
    "cudf 2398": ("a.csv", b'text,label\na,1\n/b",0\nc,1\n', ["a", '/b"', "c"]),
    "csvw 52": ("a.csv", 'text,label\na,1\n"b”,0\nc,1\n'.encode(), f"row 1 (line 3): {UNCLOSED}"),
    "turicreate 1692": ("a.csv", b'text,label\n"a",1\n"b,0\n', f"row 1 (line 3): {UNCLOSED}"),
    "polars 14929": (
        "a.csv",
        b'text,label\na "fine" film,1\n5" tall,0\n',
        ['a "fine" film', '5" tall'],
    ),
    "polars 14235": ("a.tsv", b'text\tlabel\n"a\t1\nb\t0\nc"\t1\n', ['"a', "b", 'c"']),
    "polars 6328": ("a.csv", b'text,label\n"a\n""b""\nc",1\nd,0\n', ['a\n"b"\nc', "d"]),
    "polars 14960": ("a.csv", b'text,label\n""x,1\n', [STRAY]),
    "polars 2580": ("a.csv", LATIN, "line 2 is not UTF-8; it is likely cp"),
    "arrow 2883": ("a.csv", b"text,label\n\na,1\nb,0\n", ["a", "b"]),
    "arrow 36037": ("a.tsv", 'text\tlabel\n"a\né"\t1\nc\t0\n'.encode(), ["a\né", "c"]),
    "duckdb 14115": ("a.csv", b"text|label\na, b, c|1\nd, e|0\n", ["a, b, c", "d, e"]),
    "duckdb 15576": (
        "a.csv",
        b"As of 6 January\ntext;label\na|b;1\nc;0\n",
        "has no column 'text'; its first line, which must name the columns, holds 'As of",
    ),
    "duckdb 14304": ("a.csv", b'text,label\n"a\\, b",1\n"c (\\"d\\")",0\n', ["a\\, b", STRAY]),
    "duckdb 19578": ("a.csv", b'text;label\n"35.8;104,1";97,5\nb;1\n', ["35.8;104,1", "b"]),
    "duckdb 21000": (
        "a.csv",
        b"text,label\n" + b"a,1\n" * 20_600 + b'"b, c",0\n',
        ["a"] * 20_600 + ["b, c"],
    ),
    "duckdb 16760": ("a.csv", b'text,"stars\n(of 5)",label\na,5,1\n', ["a"]),
    "datasets 622": ("a.csv", b"text,label\na\rb,1\nc,0\n", [FIELDS.format(1), "b", "c"]),
    "datasets 743": (
        "a.csv",
        b"captions\t2012\tA man.\tA person.\n",
        "has no column 'text'; its first line, which must name the columns, holds 'captions'",
    ),
    "datasets 4467": ("a.tsv", b"text\tlabel\nnull\t1\n", ["null"]),
    "datasets 5827": (
        "a.json",
        b'[{"text": "a", "label": 1, "id": 2}, {"text": "b", "label": 0, "id": "Nan"}]',
        ["a", "b"],
    ),
    "FARM 666": ("a.tsv", b"text,label\na,1\nb,0\n", ["a", "b"]),
    "LlamaFactory 8805": (
        "a.jsonl",
        b'{"text": "a", "label": 1}\n[{"text": "b", "label": 0}]\n',
        ["a", "it is no JSON object"],
    ),
}
"""Each report's file, and the texts that are read, or the sentence of the refusal.

Where a row has a sentence instead of its text, training refuses the file for that row and a
prediction gives the sentence as the row's error. `docs/own_data.md` says what each is about.
"""


def texts_or_sentence(path: Path) -> list[str | None] | str:
    """Return the texts of a file, or why it is refused."""
    try:
        return [row[0] for row in read(path)]
    except BadDataError as error:
        return str(error).removeprefix(str(path)).lstrip(": ")


@pytest.mark.parametrize("report", REPORTS)
def test_what_was_reported_is_read_or_refused_with_its_row(report: str, tmp_path: Path) -> None:
    name, content, expected = REPORTS[report]
    path = tmp_path / name
    path.write_bytes(content)
    found = texts_or_sentence(path)
    if isinstance(found, str) or isinstance(expected, str):
        assert str(found).startswith(str(expected))
        return
    for text, start in zip(found, expected, strict=True):
        assert text == start or (start.startswith(FAULTS) and str(text).startswith(start))


def outcome(expected: list[str] | str) -> str:
    """Return what the page says: read, or the sentence."""
    if isinstance(expected, str):
        return f"`{expected}`"
    faults = [text for text in expected if text.startswith(FAULTS)]
    return f"`row {expected.index(faults[0])}: {faults[0]}`" if faults else "read"


def test_the_page_tells_all_of_them_and_what_came_of_them() -> None:
    line = re.compile(r"^\| \[(\S+) (\d+)\]\(\S+/\1/issues/\2\) \| .+ \| (.+) \|$", re.MULTILINE)
    told = {f"{project} {number}": said for project, number, said in line.findall(PAGE.read_text())}
    assert told == {name: outcome(expected) for name, (_, _, expected) in REPORTS.items()}
