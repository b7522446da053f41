import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.config.training import DataConfig, SourceConfig
from tasks.data.sources import readers as module
from tasks.data.sources.check_files import check_users_files
from tasks.data.sources.readers import read_source
from tasks.data.text.corpus import TokenizedSource
from tests.support.faults.bit_flips import with_flipped_bit
from tests.support.review_samples import (
    Reviews,
    distinct_reviews,
    lists_of,
    reference_words,
    source_of,
    texts_of,
    write_file,
    write_full_wheel,
    write_reviews,
    write_train_package,
)

KINDS = ["csv", "jsonl", "parquet"]


def plain(reviews: Reviews) -> Reviews:
    return [(" ".join(reference_words(text)), label) for text, label in reviews]


def found(source: TokenizedSource, split: str) -> Reviews:
    reviews = getattr(source, split)
    return list(
        zip(texts_of(reviews, source.vocabulary.words), reviews.labels.tolist(), strict=True)
    )


def refusal(path: Path, columns: tuple[str, str] = ("text", "label"), **more: Path) -> str:
    with pytest.raises(BadDataError) as raised:
        read_source(source_of("files", columns, train=path, **more), DataConfig())
    assert str(path) in str(raised.value) or "label" in str(raised.value)
    return str(raised.value).replace(f"{path}", "FILE")


# The user's own files.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("low", "high"), [("bad", "good"), (5, 10), (False, True), (-1.0, 1.0), ("nein", "ño")]
)
def test_a_users_files_are_read_with_their_own_columns_and_labels(
    tmp_path: Path, kind: str, low: Any, high: Any
) -> None:
    reviews = distinct_reviews(12)
    for split, part in (("train", reviews[:8]), ("test", reviews[8:])):
        columns = {
            "stars": [high if label else low for _, label in part],
            "extra": list(range(len(part))),
            "body": [text for text, _ in part],
        }
        write_file(tmp_path / f"{split}.{kind}", columns)
    paths = {split: tmp_path / f"{split}.{kind}" for split in ("train", "test")}
    source = read_source(source_of("files", ("body", "stars"), **paths), DataConfig())
    assert found(source, "train") == plain(reviews[:8])
    assert [label for _, label in found(source, "test")] == [label for _, label in reviews[8:]]
    assert [name.lower().removesuffix(".0") for name in source.label_names] == [
        str(low).lower().removesuffix(".0"),
        str(high).lower().removesuffix(".0"),
    ]
    assert source.train.review_ids.tolist() == list(range(8))


def test_without_a_test_file_a_part_is_held_out(tmp_path: Path) -> None:
    reviews = distinct_reviews(40)
    path = write_reviews(tmp_path / "a.csv", reviews)

    def held_out(**changes: Any) -> tuple[Reviews, Reviews]:
        source = read_source(source_of("files", train=path), DataConfig(**changes))
        return found(source, "train"), found(source, "test")

    train, test = held_out()
    assert {label for _, label in test} == {0, 1}
    assert len(test) == pytest.approx(8, abs=7)
    assert {label for _, label in train} == {0, 1}
    assert len(train) + len(test) == 40
    assert set(train) <= set(plain(reviews))
    assert held_out() == (train, test)
    assert held_out(test_seed=1) != (train, test)
    assert len(held_out(test_fraction=0.5)[1]) == pytest.approx(20, abs=12)


def test_words_of_held_out_reviews_are_not_learned(tmp_path: Path) -> None:
    path = write_reviews(tmp_path / "a.csv", distinct_reviews(40))
    source = read_source(source_of("files", train=path), DataConfig())
    # The number of its day occurs in one review only.
    assert all("?" in text for text in texts_of(source.test, source.vocabulary.words))
    assert all("?" not in text for text in texts_of(source.train, source.vocabulary.words))
    assert len(source.vocabulary.words) == len(
        {word for text, _ in found(source, "train") for word in text.split()}
    )


LATE = b"text,label\n" + b"fine,a\n" * 20_000 + "un film que l\x92on aime déjà,b\n".encode("latin1")

LATIN = "the text is not valid UTF-8"

CONTENTS = {
    "header.csv": (b"text,label\n", "FILE holds no reviews"),
    "blank.jsonl": (b"\n\n", "FILE holds no reviews"),
    "column.csv": (b"review,label\na,b\n", "FILE has no column 'text'; its first line, which must"),
    "ragged.csv": (b"text,label\na,b,c\n", "FILE: row 0: the row has 3 fields instead of 2"),
    "quote.csv": (b'text,label\n"a,b\n', "FILE: row 0 (line 2): a quote opens there"),
    "latin.csv": (b"text,label\ncaf\xe9,a\n", f"FILE: row 0: {LATIN}; it is likely cp1252"),
    "late.csv": (LATE, f"FILE: row 20000: {LATIN}; it is likely cp1252"),
    "late.csv.gz": (gzip.compress(LATE), f"FILE: row 20000: {LATIN}; it is likely cp1252"),
    "nolabel.csv": (b"text,label\na,\nb,\n", "FILE holds no review with a label and a word"),
    "latin.jsonl": (b'{"text":"caf\xe9","label":0}\n', f"FILE: row 0: {LATIN}"),
    "noparquet.parquet": (b"text,label\na,b\n", "FILE: cannot be read as Parquet"),
}
"""What is in a file that a training refuses; `tests/data/tables` has more."""

SHOWS_AT_ONCE = ("ragged.csv", "quote.csv", "latin.csv", "column.csv", "noparquet.parquet")
"""Those that are refused before a run too."""


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path, name: str) -> None:
    content, sentence = CONTENTS[name]
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert sentence in message
    assert "\n" not in message
    if name in SHOWS_AT_ONCE:
        with pytest.raises(BadDataError) as raised:
            check_users_files(SourceConfig(source="files", train_file=tmp_path / name))
        assert sentence in str(raised.value).replace(str(tmp_path / name), "FILE")


def test_a_bad_test_file_is_found_too(tmp_path: Path) -> None:
    train = write_reviews(tmp_path / "a.csv", distinct_reviews(9))
    test = write_reviews(tmp_path / "b.csv", distinct_reviews(9), text="review")
    with pytest.raises(BadDataError, match=r"b\.csv has no column 'text'"):
        read_source(source_of("files", train=train, test=test), DataConfig())


@pytest.mark.parametrize("kind", KINDS)
def test_rows_without_a_label_or_a_word_are_left_out_and_counted(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    nan = float("nan") if kind == "parquet" else "NaN"
    texts = ["fine", None, "...", " ", "dull", "fair", "bad", None]
    labels = [1.0, 1.0, 0.0, 0.0, 0.0, None, nan, None]
    path = write_file(tmp_path / f"a.{kind}", {"text": texts, "label": labels})
    source = read_source(source_of("files", train=path, test=path), DataConfig())
    assert lists_of(source.train.tokens) == [[1, 4], [1, 5]]
    assert source.train.labels.tolist() == [1, 0]
    assert {what: vars(rows) for what, rows in source.left_out["train"].items()} == {
        "without a label": {"count": 3, "rows": [5, 6, 7]},
        "without a word": {"count": 3, "rows": [1, 2, 3]},
    }
    assert f"{path}: left out, without a word: 3 rows (1, 2, 3)" in caplog.text
    for option, sentence in (
        ("empty_texts", "without a word: 3 rows (1, 2, 3)"),
        ("missing_labels", "without a label: 3 rows (5, 6, 7)"),
    ):
        with pytest.raises(BadDataError, match=re.escape(sentence)):
            read_source(
                source_of("files", train=path), DataConfig.model_validate({option: "refuse"})
            )


def test_a_label_is_the_same_in_all_files_however_it_is_written(tmp_path: Path) -> None:
    train = write_file(tmp_path / "a.CSV", {"text": ["a", "b"], "label": [1.0, 0.0]})
    test = write_file(tmp_path / "b.jsonl", {"text": ["a", "b"], "label": [1, 0]})
    source = read_source(source_of("files", train=train, test=test), DataConfig())
    assert source.label_names == ("0", "1")
    assert source.train.labels.tolist() == source.test.labels.tolist() == [1, 0]
    write_file(train, {"text": ["a", "b"], "label": ["False", "TRUE"]})
    test = write_file(tmp_path / "b.Parquet", {"text": ["a", "b"], "label": [True, False]})
    source = read_source(source_of("files", train=train, test=test), DataConfig())
    assert source.label_names == ("false", "true")
    assert [source.train.labels.tolist(), source.test.labels.tolist()] == [[0, 1], [1, 0]]


def test_the_user_says_which_label_is_positive(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.csv", {"text": ["a", "b"], "label": ["긍정", "부정"]})
    files = source_of("files", train=path, test=path)
    assert read_source(files, DataConfig()).label_names == ("긍정", "부정")
    other = files.model_copy(update={"positive_label": "긍정"})
    assert read_source(other, DataConfig()).label_names == ("부정", "긍정")
    assert read_source(other, DataConfig()).train.labels.tolist() == [1, 0]
    assert other.content_hash != files.content_hash
    unknown = files.model_copy(update={"positive_label": "good"})
    with pytest.raises(InvalidConfigError, match="--positive-label good: must be one of '긍정'"):
        read_source(unknown, DataConfig())


def test_many_lines_in_one_text_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    texts = ["a\n" * 60, "b"]
    path = write_file(tmp_path / "a.csv", {"text": texts, "label": [0, 1]})
    read_source(source_of("files", train=path, test=path), DataConfig())
    assert "texts of 50 lines or more, which a quote that is not closed would give: 1 rows (0)" in (
        caplog.text
    )


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (["a", "a"], "must hold at least two different labels, found 1: 'a'"),
        (
            [f"text {row}" for row in range(60)],
            "holds 60 different values in 60 rows, too many for labels (at most one in 10 rows, and"
            " 100): 'text 0', 'text 1', 'text 10', 'text 11', 'text 12', …; name another column"
            " with --label-column, or a table of fewer labels",
        ),
        (
            [*"aabbcc"] * 10 + ["d"],
            "1 of 4 labels have fewer than 10 reviews, 'd' has 1: add reviews, put labels together"
            " with --merge-labels old=new, or leave them out with --drop-labels d",
        ),
    ],
)
def test_what_cannot_be_labels_is_refused(tmp_path: Path, labels: list[str], sentence: str) -> None:
    columns = {"text": ["fine"] * len(labels), "label": labels}
    path = write_file(tmp_path / "a.csv", columns)
    assert refusal(path).endswith(sentence)
    config = SourceConfig(source="files", train_file=path)
    with pytest.raises(BadDataError) as raised:
        check_users_files(config)
    assert str(raised.value).endswith(sentence)


def test_a_label_of_the_test_file_alone_is_refused(tmp_path: Path) -> None:
    train = write_reviews(tmp_path / "a.csv", [("fine", "pos"), ("dull", "neg")] * 20)
    test = write_reviews(tmp_path / "b.csv", [("fine", "pos"), ("dull", "0")] * 20)
    assert refusal(train, test=test) == (
        "'0': no training review has the label, which no model can learn then; add some, or leave"
        " it out with --drop-labels"
    )


def stars(path: Path, **rules: str) -> TokenizedSource:
    """Read 25 reviews of each number of stars, and as many of none."""
    labels = [star for star in ("5", "1.0", "4", "2", "03", "none") for _ in range(25)]
    columns = {"text": [f"w{row} fine" for row in range(len(labels))], "label": labels}
    source = source_of("files", train=write_file(path, columns))
    return read_source(source.model_copy(update=rules), DataConfig())


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ({}, "1 2 3 4 5 none"),
        ({"drop_labels": "none"}, "1 2 3 4 5"),
        ({"drop_labels": "none, 3", "merge_labels": "1=bad,2=bad,4=good,5=good"}, "bad good"),
        ({"merge_labels": "none=3", "labels": "5,4.0,3,2,1"}, "5 4 3 2 1"),
    ],
)
def test_labels_are_numbered_in_order_merged_and_dropped(
    tmp_path: Path, rules: dict[str, str], names: str
) -> None:
    source = stars(tmp_path / "a.csv", **rules)
    assert source.label_names == tuple(names.split())
    counts = np.bincount(source.train.labels) + np.bincount(source.test.labels)
    merged = {"bad": 50, "good": 50, "3": 50 if "3" in rules.get("merge_labels", "") else 25}
    assert counts.tolist() == [merged.get(name, 25) for name in source.label_names]
    dropped = source.left_out["train"].get("with a dropped label")
    assert (dropped.count if dropped else 0) == 150 - counts.sum()


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"labels": "1,2,3,4,5"}, "--labels 1,2,3,4,5: must name each label once, and these are"),
        ({"drop_labels": "6"}, "--drop-labels: there is no label '6', only '1', '2', '3'"),
        ({"merge_labels": "6=5"}, "--merge-labels: there is no label '6', only '1', '2', '3'"),
        ({"merge_labels": "4"}, "--merge-labels 4: must be old=new, with commas between several"),
        ({"positive_label": "5"}, "--positive-label 5: is for two labels, and there are 6"),
    ],
)
def test_rules_that_do_not_fit_the_labels_are_refused(
    tmp_path: Path, rules: dict[str, str], sentence: str
) -> None:
    with pytest.raises(InvalidConfigError, match=re.escape(sentence)):
        stars(tmp_path / "a.csv", **rules)


# The packages.


def test_the_packaged_reviews_are_those_of_imdb_alone(tmp_path: Path) -> None:
    reviews = distinct_reviews(20)
    path = write_train_package(tmp_path / "a.csv", reviews, distinct_reviews(6, first=900))
    source = read_source(source_of("packaged", reviews=path), DataConfig())
    together = found(source, "train") + found(source, "test")
    assert len(together) == 20
    days = {word for text, _ in found(source, "train") for word in text.split()}
    assert not {f"n{row}" for row in range(900, 906)} & days
    assert source.label_names == ("negative", "positive")


SAME = "The very same words"

TRAIN: Reviews = [*distinct_reviews(6), (SAME, 1), (" Spaces around. ", 0)]

TEST: Reviews = [*distinct_reviews(6, first=50), (SAME, 1), (SAME, 0)]


def rebuilt(folder: Path, everything: Reviews, monkeypatch: pytest.MonkeyPatch) -> TokenizedSource:
    monkeypatch.setattr(module, "OFFICIAL_SPLIT_ROWS", len(TEST))
    others = distinct_reviews(3, first=900)
    paths = {
        "train": write_train_package(folder / "train.csv", TRAIN, others),
        "all": write_full_wheel(folder / "all.whl", everything),
    }
    return read_source(source_of("packages", **paths), DataConfig())


def shuffled(reviews: Reviews) -> Reviews:
    return [reviews[row] for row in np.random.default_rng(0).permutation(len(reviews))]


def test_the_official_test_set_is_what_the_training_set_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_full = [(text.strip(), label) for text, label in TRAIN]
    source = rebuilt(tmp_path, shuffled(in_full + TEST), monkeypatch)
    assert found(source, "train") == plain(TRAIN)
    known = set(source.vocabulary.words)
    expected = [
        (" ".join(word if word in known else "?" for word in text.split()), label)
        for text, label in plain(TEST)
    ]
    assert sorted(found(source, "test")) == sorted(expected)
    # The same text occurs in both sets: one copy is the training set's, the others stay.
    assert found(source, "test").count((SAME.lower(), 1)) == 1
    assert found(source, "test").count((SAME.lower(), 0)) == 1


@pytest.mark.parametrize(
    ("everything", "missing", "left"),
    [
        (TRAIN[2:] + TEST, 2, 8),
        # A text of the other label does not stand for a training review.
        ([(text, 1 - label) for text, label in TRAIN[:1]] + TRAIN[1:] + TEST, 1, 9),
        (TRAIN + TEST[1:], 0, 7),
    ],
)
def test_a_full_set_that_the_training_set_does_not_fit_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, everything: Reviews, missing: int, left: int
) -> None:
    told = f"{missing} training reviews are missing .* {left} are left as test"
    with pytest.raises(BadDataError, match=told):
        rebuilt(tmp_path, everything, monkeypatch)


def test_a_flipped_bit_in_a_parquet_file_never_ends_in_another_error(tmp_path: Path) -> None:
    content = write_reviews(tmp_path / "whole.parquet", distinct_reviews(12)).read_bytes()
    path = tmp_path / "flipped.parquet"
    refused = 0
    for position in range(0, len(content), 7):
        path.write_bytes(with_flipped_bit(content, position))
        try:
            read_source(source_of("files", train=path), DataConfig(test_fraction=0.4))
        except BadDataError:
            refused += 1
    assert refused > 5


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_labels_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = write_file(tmp_path / name, {"text": ["x"] * 9000, "label": [0] * 9000})
    config = SourceConfig(source="files", train_file=path)
    with pytest.raises(BadDataError, match="found 1: '0'"):
        check_users_files(config)
    write_file(path, {"text": ["x"] * 9000, "label": [0, 1, 2] * 3000})
    check_users_files(config)
    write_file(path, {"text": ["x"] * 9000, "label": [0] * 8999 + [1]})
    check_users_files(config)
    with pytest.raises(InvalidConfigError, match="--positive-label x: must be one of '0', '1'"):
        check_users_files(config.model_copy(update={"positive_label": "x"}))
    monkeypatch.setattr("tasks.data.sources.check_files._ROWS", 2000)
    check_users_files(config.model_copy(update={"positive_label": "x"}))  # not all is known yet
    with pytest.raises(BadDataError, match=r"--test-file .*no\.csv: there is no such file"):
        check_users_files(config.model_copy(update={"test_file": tmp_path / "no.csv"}))
