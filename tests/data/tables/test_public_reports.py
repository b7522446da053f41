"""What people reported in public of reading texts, each as a small file of invented rows."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.common.errors import BadDataError
from tests.data.tables.test_rows import read

PAGE = Path(__file__).parents[3] / "docs/own_data.md"

READ = "read"

STRAY = "a quote in it is neither doubled nor"

FIELDS = "the row has {} fields instead of 2"

FAULTS = (STRAY, FIELDS[:12], "it is no")

UNCLOSED = "a quote opens there and does not close as it should"


@dataclass(frozen=True)
class Report:
    """A report, what it is about, and the texts that are read, or the sentence of the refusal.

    Where a row has a sentence instead of its text, training refuses the file for that row and a
    prediction gives the sentence as the row's error.
    """

    project: str
    number: int
    about: str
    name: str
    content: bytes
    expected: list[str] | str

    @property
    def outcome(self) -> str:
        """What the page says: read, or the sentence."""
        if isinstance(self.expected, str):
            return f"`{self.expected}`"
        faults = [text for text in self.expected if text.startswith(FAULTS)]
        return f"`row {self.expected.index(faults[0])}: {faults[0]}`" if faults else READ

    @property
    def line(self) -> str:
        """The line of the page."""
        address = f"https://github.com/{self.project}/issues/{self.number}"
        name = self.project.rpartition("/")[2]
        return f"| [{name} {self.number}]({address}) | {self.about} | {self.outcome} |"


PANDAS, DATASETS, POLARS = "pandas-dev/pandas", "huggingface/datasets", "pola-rs/polars"

ARROW, DUCKDB = "apache/arrow", "duckdb/duckdb"

LATIN = "text,label\nSe acabó la película,1\nQué lástima más grande,0\n".encode("cp1252")

REPORTS = [
    Report(
        PANDAS,
        22661,
        "a quote that never closes, between tabs",
        "a.tsv",
        b'text\tlabel\na\t1\n"b"\t0\n"c\t1\n',
        ["a", "b", '"c'],
    ),
    Report(
        PANDAS,
        22140,
        "a lone quote, between pipes",
        "a.txt",
        b'text|label\na|1\n"|0\nb|1\n',
        f"row 1 (line 3): {UNCLOSED}",
    ),
    Report(
        PANDAS,
        15910,
        "text behind a closed quote",
        "a.csv",
        b'text,label\na,1\n"b"c,0\n',
        ["a", STRAY],
    ),
    Report(
        PANDAS,
        24681,
        "the texts `n/a`, `NA` and `null`",
        "a.csv",
        b"text,label\nn/a,1\nNA,0\nnull,1\n",
        ["n/a", "NA", "null"],
    ),
    Report(
        PANDAS,
        59009,
        "line ends inside texts, in a large file",
        "a.csv",
        b"text,label\n" + b'"ab\ncd",1\n' * 200_000,
        ["ab\ncd"] * 200_000,
    ),
    Report(
        "NVIDIA/cudf",
        2398,
        "a quote inside a text without quotes",
        "a.csv",
        b'text,label\na,1\n/b",0\nc,1\n',
        ["a", '/b"', "c"],
    ),
    Report(
        "cldf/csvw",
        52,
        "a text that a curly quote should close",
        "a.csv",
        'text,label\na,1\n"b”,0\nc,1\n'.encode(),
        f"row 1 (line 3): {UNCLOSED}",
    ),
    Report(
        "apple/turicreate",
        1692,
        "a quote that never closes, in the last row",
        "a.csv",
        b'text,label\n"a",1\n"b,0\n',
        f"row 1 (line 3): {UNCLOSED}",
    ),
    Report(
        POLARS,
        14929,
        "quotes in the middle of a text",
        "a.csv",
        b'text,label\na "fine" film,1\n5" tall,0\n',
        ['a "fine" film', '5" tall'],
    ),
    Report(
        POLARS,
        14235,
        "rows between two stray quotes, between tabs",
        "a.tsv",
        b'text\tlabel\n"a\t1\nb\t0\nc"\t1\n',
        ['"a', "b", 'c"'],
    ),
    Report(
        POLARS,
        6328,
        "line ends and doubled quotes in a text",
        "a.csv",
        b'text,label\n"a\n""b""\nc",1\nd,0\n',
        ['a\n"b"\nc', "d"],
    ),
    Report(POLARS, 14960, 'a text that begins with `""`', "a.csv", b'text,label\n""x,1\n', [STRAY]),
    Report(
        POLARS,
        2580,
        "bytes that are not UTF-8",
        "a.csv",
        LATIN,
        "line 2 is not UTF-8; it is likely cp",
    ),
    Report(
        ARROW,
        2883,
        "a blank line below the header",
        "a.csv",
        b"text,label\n\na,1\nb,0\n",
        ["a", "b"],
    ),
    Report(
        ARROW,
        36037,
        "line ends inside quoted texts, between tabs",
        "a.tsv",
        'text\tlabel\n"a\né"\t1\nc\t0\n'.encode(),
        ["a\né", "c"],
    ),
    Report(
        DUCKDB,
        14115,
        "commas in the texts of a file with pipes",
        "a.csv",
        b"text|label\na, b, c|1\nd, e|0\n",
        ["a, b, c", "d, e"],
    ),
    Report(
        DUCKDB,
        15576,
        "a title above the header",
        "a.csv",
        b"As of 6 January\ntext;label\na|b;1\nc;0\n",
        "has no column 'text'; its first line, which must name the columns, holds 'As of",
    ),
    Report(
        DUCKDB,
        14304,
        "quotes behind a backslash",
        "a.csv",
        b'text,label\n"a\\, b",1\n"c (\\"d\\")",0\n',
        ["a\\, b", STRAY],
    ),
    Report(
        DUCKDB,
        19578,
        "semicolons, decimal commas and quotes",
        "a.csv",
        b'text;label\n"35.8;104,1";97,5\nb;1\n',
        ["35.8;104,1", "b"],
    ),
    Report(
        DUCKDB,
        21000,
        "the first quotes behind 20,000 rows",
        "a.csv",
        b"text,label\n" + b"a,1\n" * 20_600 + b'"b, c",0\n',
        ["a"] * 20_600 + ["b, c"],
    ),
    Report(
        DUCKDB,
        16760,
        "a line end in the name of a column",
        "a.csv",
        b'text,"stars\n(of 5)",label\na,5,1\n',
        ["a"],
    ),
    Report(
        DATASETS,
        622,
        "a carriage return inside a text without quotes",
        "a.csv",
        b"text,label\na\rb,1\nc,0\n",
        [FIELDS.format(1), "b", "c"],
    ),
    Report(
        DATASETS,
        743,
        "no header",
        "a.csv",
        b"captions\t2012\tA man.\tA person.\n",
        "has no column 'text'; its first line, which must name the columns, holds 'captions'",
    ),
    Report(DATASETS, 4467, "the text `null`", "a.tsv", b"text\tlabel\nnull\t1\n", ["null"]),
    Report(
        DATASETS,
        5827,
        "a field that nobody asked for, of several kinds",
        "a.json",
        b'[{"text": "a", "label": 1, "id": 2}, {"text": "b", "label": 0, "id": "Nan"}]',
        ["a", "b"],
    ),
    Report(
        "deepset-ai/FARM",
        666,
        "commas where tabs were expected, or the other way",
        "a.tsv",
        b"text,label\na,1\nb,0\n",
        ["a", "b"],
    ),
    Report(
        "hiyouga/LlamaFactory",
        8805,
        "a row that is an array",
        "a.jsonl",
        b'{"text": "a", "label": 1}\n[{"text": "b", "label": 0}]\n',
        ["a", "it is no JSON object"],
    ),
]


def texts_or_sentence(path: Path) -> list[str | None] | str:
    """Return the texts of a file, or why it is refused."""
    try:
        return [row[0] for row in read(path)]
    except BadDataError as error:
        return str(error).removeprefix(str(path)).lstrip(": ")


@pytest.mark.parametrize("report", REPORTS, ids=lambda one: f"{one.project}-{one.number}")
def test_what_was_reported_is_read_or_refused_with_its_row(report: Report, tmp_path: Path) -> None:
    path = tmp_path / report.name
    path.write_bytes(report.content)
    found = texts_or_sentence(path)
    if isinstance(found, str) or isinstance(report.expected, str):
        assert str(found).startswith(str(report.expected))
        return
    for text, expected in zip(found, report.expected, strict=True):
        assert text == expected or (expected.startswith(FAULTS) and str(text).startswith(expected))


def test_the_page_tells_all_of_them() -> None:
    page = PAGE.read_text()
    for report in REPORTS:
        assert report.line in page
