from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.common.atomic_files import file_sha256
from tasks.common.errors import BadDataError
from tasks.config.training import DataConfig
from tasks.data.sources import readers as module
from tasks.data.sources.keras_imdb import convert_npz
from tasks.data.sources.readers import read_source
from tasks.data.text.corpus import TokenizedSource
from tests.support.review_samples import (
    Reviews,
    distinct_reviews,
    fake_ranks,
    lists_of,
    reference_words,
    source_of,
    texts_of,
    write_file,
    write_full_wheel,
    write_npz,
    write_reviews,
    write_train_package,
    write_word_index,
)

KINDS = ["csv", "jsonl", "parquet"]


def plain(reviews: Reviews) -> Reviews:
    return [(" ".join(reference_words(text)), label) for text, label in reviews]


def found(source: TokenizedSource, split: str) -> Reviews:
    reviews = getattr(source, split)
    return list(zip(texts_of(reviews, source.words), reviews.labels.tolist(), strict=True))


def refusal(path: Path, columns: tuple[str, str] = ("text", "label"), **more: Path) -> str:
    with pytest.raises(BadDataError) as raised:
        read_source(source_of("files", columns, train=path, **more), DataConfig())
    assert str(path) in str(raised.value) or "exactly two" in str(raised.value)
    return str(raised.value).replace(f"{path}", "FILE")


# The user's own files.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("low", "high"), [("bad", "good"), (0, 1), (1, 2), (False, True), (-1.0, 1.0), ("nein", "ño")]
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


@pytest.mark.parametrize("kind", KINDS)
def test_texts_with_quotes_commas_and_line_breaks_are_kept_whole(tmp_path: Path, kind: str) -> None:
    reviews = [('He said "no", twice;\nthen,\r\nnothing. Ébène', "a"), ("plain", "b")]
    paths = {
        name: write_reviews(tmp_path / f"{name}.{kind}", reviews) for name in ("train", "test")
    }
    source = read_source(source_of("files", **paths), DataConfig())
    assert texts_of(source.train, source.words) == ["he said no twice then nothing ébène", "plain"]


def test_sets_may_be_of_different_kinds_and_suffixes_of_any_case(tmp_path: Path) -> None:
    reviews = distinct_reviews(8)
    train = write_reviews(tmp_path / "train.CSV", reviews)
    test = write_reviews(tmp_path / "test.Parquet", reviews)
    source = read_source(source_of("files", train=train, test=test), DataConfig())
    assert found(source, "train") == found(source, "test") == plain(reviews)


@pytest.mark.parametrize(
    ("content", "label_names", "words"),
    [
        ("\ufefftext,label\n" + "fine,a\ndull,b\n" * 5, ("a", "b"), ["dull", "fine"]),
        # Labels that are numbers are ordered as numbers.
        ("text,label\n" + "fine,10\ndull,5\n" * 10, ("5", "10"), ["dull", "fine"]),
        # Texts that look like numbers or nothing stay texts.
        ("text,label\n" + "NA,a\n1.50,b\n" * 10, ("a", "b"), ["1", "50", "na"]),
    ],
)
def test_a_csv_is_read_as_text_behind_its_byte_order_mark(
    tmp_path: Path, content: str, label_names: tuple[str, str], words: list[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8")
    source = read_source(source_of("files", train=path), DataConfig())
    assert source.label_names == label_names
    assert sorted(source.words) == words


def test_without_a_test_file_a_stratified_part_is_held_out(tmp_path: Path) -> None:
    reviews = distinct_reviews(40)
    path = write_reviews(tmp_path / "a.csv", reviews)

    def held_out(**changes: Any) -> tuple[Reviews, Reviews]:
        source = read_source(source_of("files", train=path), DataConfig(**changes))
        train, test = found(source, "train"), found(source, "test")
        assert set(source.words) == {word for text, _ in train for word in text.split()}
        return train, test

    train, test = held_out()
    # The number of its day occurs in one review only: words of held out reviews are not learned.
    assert all("?" in text for text, _ in test)
    assert all("?" not in text for text, _ in train)
    assert [label for _, label in test].count(0) == [label for _, label in test].count(1) == 4
    assert len(train) == 32
    assert set(train) <= set(plain(reviews))
    assert held_out() == (train, test)
    assert held_out(test_seed=1) != (train, test)
    assert len(held_out(test_fraction=0.5)[1]) == 20


CONTENTS = {
    "empty.csv": (b"", "FILE is empty"),
    "empty.jsonl": (b"", "FILE is empty"),
    "empty.parquet": (b"", "FILE is empty"),
    "header.csv": (b"text,label\n", "FILE holds no reviews"),
    "blank.csv": (b"\n\n", "FILE cannot be read as .csv"),
    "blank.jsonl": (b"\n\n", "FILE has no column 'text'; it has none"),
    "column.csv": (b"review,label\na,b\n", "FILE has no column 'text'; it has review, label"),
    "column.jsonl": (b'{"text": "a"}\n', "FILE has no column 'label'; it has text"),
    "kind.txt": (b"text,label\n", "unknown kind of file '.txt'; allowed are .csv, .jsonl, .parq"),
    "nokind": (b"text,label\n", "unknown kind of file ''"),
    "ragged.csv": (b"text,label\na,b,c\n", "FILE cannot be read as .csv: CSV parse error"),
    "quote.csv": (b'text,label\n"a,b\n', "FILE cannot be read as .csv: CSV parse error"),
    "latin.csv": (b"text,label\ncaf\xe9,a\n", "FILE cannot be read as .csv"),
    "broken.jsonl": (b'{"text": "a", "label"\n', "FILE cannot be read as .jsonl: JSON parse"),
    "list.jsonl": (b"[1, 2]\n", "FILE cannot be read as .jsonl: JSON parse"),
    "mixed.jsonl": (
        b'{"text": "a", "label": 1}\n{"text": "a", "label": "b"}\n',
        "FILE cannot be read as .jsonl: JSON parse",
    ),
    "nolabel.csv": (b"text,label\na,1\nb,\nc,\n", "FILE: 2 rows have no label"),
    "nolabel.jsonl": (b'{"text":"a","label":"x"}\n{"text":"a"}\n', "FILE: 1 rows have no label"),
    "latin.jsonl": (b'{"text":"caf\xe9","label":0}\n', "FILE cannot be read as .jsonl"),
    "lists.jsonl": (b'{"text":"a","label":[1]}\n', "the columns cannot be read as text"),
    "twice.csv": (b"text,text,label\na,b,0\n", "has several columns named 'text'"),
    "noparquet.parquet": (b"text,label\na,b\n", "FILE cannot be read as .parquet"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path, name: str) -> None:
    content, sentence = CONTENTS[name]
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert sentence in message
    assert "\n" not in message


def test_a_bad_test_file_is_found_too(tmp_path: Path) -> None:
    train = write_reviews(tmp_path / "a.csv", distinct_reviews(9))
    test = write_reviews(tmp_path / "b.csv", distinct_reviews(9), text="review")
    with pytest.raises(BadDataError, match=r"b\.csv has no column 'text'"):
        read_source(source_of("files", train=train, test=test), DataConfig())


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_missing_text_is_an_empty_one(tmp_path: Path, kind: str) -> None:
    path = write_file(
        tmp_path / f"a.{kind}", {"text": ["fine", None, "dull"], "label": ["x", "y", "x"]}
    )
    source = read_source(source_of("files", train=path, test=path), DataConfig())
    assert lists_of(source.train.tokens) == [[1, 4], [1], [1, 5]]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (["a", "a"], "found 1: 'a'"),
        (["a", "b", "c"], "found 3: 'a', 'b', 'c'"),
        (list("abcdefg"), "found 7: 'a', 'b', 'c', 'd', 'e', …"),
    ],
)
def test_other_than_two_labels_are_refused_and_shown(
    tmp_path: Path, labels: list[str], sentence: str
) -> None:
    columns = {"text": ["fine"] * len(labels), "label": labels}
    message = refusal(write_file(tmp_path / "a.csv", columns))
    assert message.endswith(f"column 'label' must hold exactly two different labels, {sentence}")


def test_both_files_must_name_their_labels_alike(tmp_path: Path) -> None:
    train = write_reviews(tmp_path / "a.csv", [("fine", "pos"), ("dull", "neg")])
    test = write_reviews(tmp_path / "b.csv", [("fine", "1"), ("dull", "0")])
    assert "found 4: '0', '1', 'neg', 'pos'" in refusal(train, test=test)


# The packages.


def test_the_packaged_reviews_are_those_of_imdb_alone(tmp_path: Path) -> None:
    reviews = distinct_reviews(20)
    path = write_train_package(tmp_path / "a.csv", reviews, distinct_reviews(6, first=900))
    source = read_source(source_of("packaged", reviews=path), DataConfig())
    together = found(source, "train") + found(source, "test")
    assert len(found(source, "test")) == 4
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
    known = set(source.words)
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
    message = f"{missing} training reviews are missing .* {left} are left as test"
    with pytest.raises(BadDataError, match=message):
        rebuilt(tmp_path, everything, monkeypatch)


# Keras's file.


def test_ids_of_keras_ranks_begin_with_1_and_are_raised_by_3(tmp_path: Path) -> None:
    npz = write_npz(tmp_path / "imdb.npz", rows=10, words=40)
    convert_npz(npz, file_sha256(npz), tmp_path / "a.parquet")
    index = write_word_index(tmp_path / "index.json", words=40)
    paths = {"reviews": tmp_path / "a.parquet", "word_index": index}
    source = read_source(source_of("keras", **paths), DataConfig())
    for seed, reviews in enumerate((source.train, source.test)):
        ranks = fake_ranks(10, 40, seed)
        assert lists_of(reviews.tokens) == [[1, *(rank + 3 for rank in row)] for row in ranks]
        assert reviews.labels.tolist() == [0] * 5 + [1] * 5
        assert reviews.labels.dtype == np.int8
        assert {chunk.ids.dtype for chunk in reviews.tokens} == {np.dtype(np.int32)}
    assert source.words == [f"word{rank}" for rank in range(1, 41)]
    assert source.label_names == ("negative", "positive")


def test_a_cut_off_or_flipped_parquet_file_never_ends_in_another_error(tmp_path: Path) -> None:
    content = write_reviews(tmp_path / "whole.parquet", distinct_reviews(12)).read_bytes()
    path = tmp_path / "flipped.parquet"
    path.write_bytes(content[:-9])
    assert "FILE cannot be read as .parquet" in refusal(path)
    refused = 0
    for position in range(0, len(content), 7):
        path.write_bytes(
            content[:position] + bytes([content[position] ^ 255]) + content[position + 1 :]
        )
        try:
            read_source(source_of("files", train=path), DataConfig(test_fraction=0.4))
        except BadDataError:
            refused += 1
    assert refused > 5
