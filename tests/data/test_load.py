import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError
from tasks.config.training import DataConfig, SourceConfig
from tasks.data import load as module
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.review_files import review_schema
from tasks.data.sources.source_files import SourceFiles
from tasks.data.text.corpus import SPLITS
from tests.support.review_samples import (
    Reviews,
    distinct_reviews,
    reference_words,
    source_of,
    write_full_wheel,
    write_reviews,
    write_train_package,
)
from tests.support.samples.table_forms import TEXT, Row, in_every_form

TRAIN = distinct_reviews(24)

TEST = distinct_reviews(12, first=100)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def files_of(folder: Path, train: Reviews, test: Reviews | None = None) -> SourceFiles:
    sets = {"train": train} | ({} if test is None else {"test": test})
    paths = {
        name: write_reviews(folder.parent / f"{name}.csv", reviews)
        for name, reviews in sets.items()
    }
    return source_of("files", **paths)


def load(folder: Path, train: Reviews, test: Reviews | None = None, **data: Any) -> dict[str, Any]:
    return load_reviews(files_of(folder, train, test), DataConfig(**data), folder)


def rows_of(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return sorted(rows, key=lambda row: row["review_id"])


def test_the_facts_tell_source_rows_and_labels(folder: Path) -> None:
    facts = load(folder, TRAIN, TEST)
    fingerprints = {facts.pop("train_fingerprint"), facts.pop("test_fingerprint")}
    assert len(fingerprints) == 2
    assert facts == {
        "source": "files",
        "form": "files",
        "train_rows": 24,
        "test_rows": 12,
        "label_names": ["0", "1"],
    }
    names = {path.name for path in folder.iterdir()}
    assert names == {"train.parquet", "test.parquet", "vocabulary.json", "data_report.json"}


@settings(max_examples=4)
@given(texts=st.lists(TEXT.map("film {}".format), min_size=60, max_size=80, unique=True))
def test_one_table_is_loaded_as_the_same_reviews_and_words_in_every_form(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("forms")
    table: list[Row] = [
        (f"n{row} {text.replace(chr(9), ' ')}", ("bad", "good")[row % 2])
        for row, text in enumerate(texts)
    ]
    loaded = []
    for file in in_every_form(folder, table):
        (out := folder / f"{file.name}.loaded").mkdir()
        load_reviews(source_of("files", train=file), DataConfig(test_fraction=0.5), out)
        reviews = [pq.read_table(out / f"{split}.parquet").to_pylist() for split in SPLITS]
        words, report = (out / "vocabulary.json", out / "data_report.json")
        loaded.append((reviews, json.loads(words.read_bytes()), json.loads(report.read_bytes())))
        assert loaded[-1] == loaded[0], file.name
    assert len(loaded) == 12
    assert sum(map(len, loaded[0][0])) == len(texts)


def test_a_file_whose_name_is_not_utf8_is_fetched_and_loaded(folder: Path, tmp_path: Path) -> None:
    file = write_reviews(tmp_path / os.fsdecode(b"r\xe9views.csv"), TRAIN)
    config = SourceConfig.model_validate({"train_file": file})
    assert SourceConfig.model_validate_json(config.model_dump_json()) == config
    fetched = fetch_reviews(config, ArtifactStore(tmp_path))
    source = SourceFiles.model_validate_json(fetched.model_dump_json())
    assert load_reviews(source, DataConfig(test_fraction=0.5), folder)["train_rows"] == 12


def test_a_fingerprint_depends_on_the_texts_and_labels_of_its_own_set_alone(folder: Path) -> None:
    first = load(folder, TRAIN, TEST)
    other_train = load(folder, TRAIN[:-2], TEST)
    assert other_train["test_fingerprint"] == first["test_fingerprint"]
    assert other_train["train_fingerprint"] != first["train_fingerprint"]
    (text, label), *rest = TEST
    for changed in ((text + " more", label), (text, 1 - label)):
        other_test = load(folder, TRAIN, [changed, *rest])
        assert other_test["train_fingerprint"] == first["train_fingerprint"]
        assert other_test["test_fingerprint"] != first["test_fingerprint"]


def word_hash(text: str) -> int:
    digest = hashlib.blake2b(" ".join(reference_words(text)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def test_every_review_is_written_once_with_its_ids_label_and_counts(folder: Path) -> None:
    load(folder, TRAIN, TEST)
    ranks = json.loads((folder / "vocabulary.json").read_text())
    for name, reviews in (("train", TRAIN), ("test", TEST)):
        rows = rows_of(folder / f"{name}.parquet")
        for number, (row, (text, label)) in enumerate(zip(rows, reviews, strict=True)):
            ids = [1, *(ranks[w] + 3 if w in ranks else 2 for w in reference_words(text))]
            assert row == {
                "review_id": number,
                "label": label,
                "tokens": ids,
                "length": len(ids),
                "unknown": ids.count(2),
                "text_hash": word_hash(text),
                "unit": word_hash(text),
            }


def test_the_report_describes_what_was_written(folder: Path) -> None:
    load(folder, TRAIN, TEST)
    report = json.loads((folder / "data_report.json").read_text())
    assert (report["source"], report["form"]) == ("files", "files")
    assert report["label_names"] == ["0", "1"]
    assert report["overlap"] == {"distinct_texts_in_both": 0, "test_reviews_seen_in_train": 0}
    for name in ("train", "test"):
        rows = rows_of(folder / f"{name}.parquet")
        assert report[name]["reviews"] == len(rows)
        assert report[name]["tokens"] == sum(row["length"] for row in rows)
        unknown = sum(row["unknown"] for row in rows) / report[name]["tokens"]
        assert report[name]["unknown_share"] == pytest.approx(unknown, abs=1e-6)
    assert report["test"]["unknown_share"] > 0
    assert report["test"]["duplicates"] == 0  # unknown words differ, too


def test_the_files_have_the_schema_provenance_and_row_groups(folder: Path) -> None:
    files = files_of(folder, TRAIN, TEST)
    load_reviews(files, DataConfig(row_group_rows=7), folder)
    for name in ("train", "test"):
        schema = pq.read_schema(folder / f"{name}.parquet")
        assert schema.equals(review_schema())
        assert schema.metadata[b"source"] == schema.metadata[b"form"] == b"files"
        assert schema.metadata[b"raw_files"] == files.content_hash.encode()
        metadata = pq.read_metadata(folder / f"{name}.parquet")
        assert {metadata.row_group(i).num_rows for i in range(metadata.num_row_groups - 1)} == {7}


def test_loading_twice_gives_equal_bytes(folder: Path, tmp_path: Path) -> None:
    load(folder, TRAIN, TEST)
    (tmp_path / "again").mkdir()
    load(tmp_path / "again", TRAIN, TEST)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("deduplicate", "sentence"),
    [
        (False, "24 of 24 test reviews occur in training"),
        (True, "deduplicate drops every training review"),
    ],
)
def test_reviews_that_cannot_be_used_are_refused_and_nothing_is_written(
    folder: Path, deduplicate: bool, sentence: str
) -> None:
    with pytest.raises(BadDataError, match=sentence):
        load(folder, TRAIN, TRAIN, deduplicate=deduplicate)
    assert list(folder.iterdir()) == []


def test_deduplicate_drops_repeats_and_test_reviews_from_training_and_words(folder: Path) -> None:
    facts = load(folder, [*TRAIN, *TRAIN[:3]], [*TEST, *TRAIN[20:]], deduplicate=True)
    assert (facts["train_rows"], facts["test_rows"]) == (20, 16)
    assert [row["review_id"] for row in rows_of(folder / "train.parquet")] == list(range(20))
    report = json.loads((folder / "data_report.json").read_text())
    assert report["overlap"]["test_reviews_seen_in_train"] == 0
    assert report["train"]["duplicates"] == 0
    vocabulary = json.loads((folder / "vocabulary.json").read_text())
    assert set(vocabulary) == {word for text, _ in TRAIN[:20] for word in reference_words(text)}


def official(folder: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> SourceFiles:
    """Write packages that hold TRAIN and as many other reviews as test set."""
    test = distinct_reviews(24, first=100)
    monkeypatch.setattr("tasks.data.sources.readers.OFFICIAL_SPLIT_ROWS", 24)
    monkeypatch.setattr("tasks.data.validate.OFFICIAL_SPLIT_ROWS", rows)
    paths = {
        "train": write_train_package(folder.parent / "train.csv", TRAIN, distinct_reviews(2, 900)),
        "all": write_full_wheel(folder.parent / "all.whl", test + TRAIN),
    }
    return source_of("packages", **paths)


def test_the_official_split_is_loaded_from_packages_in_its_size_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = official(folder, monkeypatch, 26)
    with pytest.raises(BadDataError) as raised:
        load_reviews(files, DataConfig(), folder)
    for name in ("train", "test"):
        assert f"{name} must have 13 reviews of each class, has 12 and 12" in str(raised.value)
    assert list(folder.iterdir()) == []
    monkeypatch.setattr("tasks.data.validate.OFFICIAL_SPLIT_ROWS", 24)
    facts = load_reviews(files, DataConfig(), folder)
    assert (facts["source"], facts["form"]) == ("imdb", "packages")
    assert (facts["train_rows"], facts["test_rows"]) == (24, 24)
    assert facts["label_names"] == ["negative", "positive"]


def test_a_failed_writer_leaves_no_half_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = module._batches

    def failing(*arguments: Any) -> Iterator[pa.RecordBatch]:
        yield next(batches(*arguments))
        raise RuntimeError("no more")

    monkeypatch.setattr(module, "_batches", failing)
    with pytest.raises(RuntimeError, match="no more"):
        load(folder, TRAIN, TEST, row_group_rows=5)
    assert {path.name for path in folder.iterdir()} == {"data_report.json", "vocabulary.json"}
