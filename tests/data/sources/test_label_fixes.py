import re
from pathlib import Path

import numpy as np
import pytest

from tasks.common.errors import BadDataError
from tasks.config.training import DataConfig
from tasks.data.sources.readers import read_source
from tasks.data.sources.source_files import FIXES
from tasks.data.text.corpus import TokenizedSource
from tests.support.review_samples import source_of, write_file

LABELS = ["bad", "good"] * 60


def read_fixed(
    folder: Path, *fixes: tuple[object, str, str], test: bool = False
) -> TokenizedSource:
    """Read 120 reviews with fixes of row, label and fix."""
    texts = [f"w{row} fine" for row in range(len(LABELS))]
    rows: list[tuple[object, str, str]] = list(fixes)
    columns = dict(zip(("row", "label", "fix"), map(list, zip(*rows, strict=True)), strict=True))
    files = {
        "train": write_file(folder / "a.csv", {"text": texts, "label": LABELS}),
        FIXES: write_file(folder / "fixes.csv", {**columns, "note": ["a, b"] * len(rows)}),
    }
    if test:
        files["test"] = write_file(folder / "b.csv", {"text": texts, "label": LABELS})
    return read_source(source_of("files", **files), DataConfig())


def rows_of(folder: Path) -> tuple[list[int], list[int]]:
    """Return the numbers of the training and of the test reviews."""
    read = read_fixed(folder, (0, "bad", ""))
    return read.train.review_ids.tolist(), read.test.review_ids.tolist()


def test_labels_become_what_the_table_says_and_rows_are_dropped(tmp_path: Path) -> None:
    (first, second, third, *_), _ = rows_of(tmp_path)
    plain = read_fixed(tmp_path, (first, LABELS[first], ""))
    other = "good" if LABELS[second] == "bad" else "bad"
    fixed = read_fixed(
        tmp_path,
        (first, LABELS[first], "drop"),
        (third, LABELS[third], " "),
        (second, LABELS[second], other),
    )
    assert fixed.train.review_ids.tolist() == plain.train.review_ids.tolist()[1:]
    changed = fixed.train.labels != plain.train.labels[1:]
    assert fixed.train.review_ids[changed].tolist() == [second]
    assert fixed.label_names[fixed.train.labels[0]] == other
    assert fixed.test.fingerprint == plain.test.fingerprint
    assert fixed.train.fingerprint != plain.train.fingerprint
    assert sum(map(len, fixed.train.tokens)) == len(fixed.train.labels)


def test_rows_of_a_training_file_are_its_own_beside_a_test_file(tmp_path: Path) -> None:
    read = read_fixed(tmp_path, (3, "good", "bad"), test=True)
    assert read.train.labels[3] == 0
    assert np.array_equal(read.test.labels, [0, 1] * 60)


@pytest.mark.parametrize(
    ("row", "label", "fix", "sentence"),
    [
        ("first", "", "god", "there is no label 'god', only 'bad', 'good'; or write drop to leave"),
        ("first", "other", "drop", "has the label 'bad', not 'good': the file was made of another"),
        ("test", "", "drop", "is a test review, whose label stays as it is"),
        (4711, "good", "bad", "row 4711 is no training review: it is left out, or not in the"),
        ("-1", "good", "bad", "'-1' is no number of a row"),
        ("twice", "", "drop", "has a second fix; leave one of them"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_row(
    tmp_path: Path, row: str | int, label: str, fix: str, sentence: str
) -> None:
    train, test = rows_of(tmp_path)
    first = next(one for one in train if LABELS[one] == "bad")
    chosen = {"first": first, "twice": first, "test": test[0]}.get(str(row), row)
    now = LABELS[int(chosen)] if int(chosen) in (first, test[0]) else label
    given = {"": now, "other": "good"}.get(label, label)
    before = (first, "bad", "good") if row == "twice" else (train[0], LABELS[train[0]], "")
    with pytest.raises(BadDataError, match=re.escape(sentence)) as raised:
        read_fixed(tmp_path, before, (chosen, given, fix))
    assert str(raised.value).startswith(f"{tmp_path / 'fixes.csv'}: row 1: ")


def test_a_table_without_the_columns_is_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path / "fixes.csv", {"row": [1], "label": ["bad"]})
    reviews = write_file(
        tmp_path / "a.csv", {"text": [f"w{row}" for row in range(120)], "label": LABELS}
    )
    source = source_of("files", train=reviews, **{FIXES: path})
    with pytest.raises(BadDataError, match=r"has no column 'fix'; .*, with the columns row, label"):
        read_source(source, DataConfig())


@pytest.mark.parametrize("rows", [1, 9])  # of one alone its row is at fault
def test_a_table_in_another_encoding_names_no_option_of_the_reviews(
    tmp_path: Path, rows: int
) -> None:
    reviews = write_file(
        tmp_path / "a.csv", {"text": [f"w{row}" for row in range(120)], "label": LABELS}
    )
    path = tmp_path / "fixes.csv"
    path.write_text("row,label,fix\n" + "1,good,größer\n" * rows, "latin-1")
    source = source_of("files", train=reviews, **{FIXES: path})
    with pytest.raises(BadDataError, match=r"UTF-8; give the table as .*, in UTF-8$") as raised:
        read_source(source, DataConfig())
    assert "--" not in str(raised.value)
    assert str(raised.value).startswith(str(path))


def test_a_label_called_drop_is_a_label(tmp_path: Path) -> None:
    labels = ["keep", "drop"] * 60
    texts = [f"w{row} fine" for row in range(120)]
    reviews = write_file(tmp_path / "a.csv", {"text": texts, "label": labels})
    row = int(read_source(source_of("files", train=reviews), DataConfig()).train.review_ids[0])
    fixes: dict[str, list[object]] = {"row": [row], "label": [labels[row]], "fix": ["drop"]}
    fixed = write_file(tmp_path / "fixes.csv", fixes)
    read = read_source(source_of("files", train=reviews, **{FIXES: fixed}), DataConfig())
    assert read.train.review_ids[0] == row
    assert read.label_names[read.train.labels[0]] == "drop"
