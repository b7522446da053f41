"""Reviews that belong together are never split between training, validation and test."""

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.common.sampling import grouped_sample
from tasks.config.training import (
    DataConfig,
    ProtocolConfig,
    SourceConfig,
    TextConfig,
    validated_config,
)
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.pad import pad_reviews
from tasks.data.review_files import read_arrow, read_groups
from tasks.data.sources.source_files import TRAIN_GROUPS
from tasks.evaluation.baselines import train_baseline


def write_grouped(path: Path, authors: range, reviews: int = 8, group: str = "author") -> Path:
    """Write reviews of some authors, of whom each has a word of his own."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", group])
        for row in range(reviews):
            for author in authors:
                words = "fine" if (row + author) % 2 else "dull"
                writer.writerow([f"by{author} {words} film {row}", words, f"a{author}"])
    return path


def source(train: Path, test: Path | None = None, group: str = "author") -> SourceConfig:
    return SourceConfig(source="files", train_file=train, test_file=test, group_column=group)


def authors_of(folder: Path, name: str) -> set[str]:
    """Return the own words of the authors in a padded set."""
    import json

    words = {
        rank + 3: word
        for word, rank in json.loads((folder / "vocabulary.json").read_text()).items()
    }
    ids = {
        token
        for batch in read_arrow(folder / f"{name}.arrow")
        for token in batch["tokens"].flatten().to_pylist()
    }
    return {words[token] for token in ids if words.get(token, "").startswith("by")}


@pytest.mark.parametrize("seed", range(3))
def test_no_author_is_in_two_of_the_three_sets(tmp_path: Path, seed: int) -> None:
    file = write_grouped(tmp_path / "r.csv", range(30))
    data, protocol = DataConfig(test_seed=seed), ProtocolConfig(split_seed=seed)
    facts = load_reviews(fetch_reviews(source(file), ArtifactStore(tmp_path)), data, tmp_path)
    groups = tmp_path / TRAIN_GROUPS
    train, test = tmp_path / "train.parquet", tmp_path / "test.parquet"
    pad_reviews(train, test, TextConfig(maxlen=9), protocol, tmp_path, groups)
    training, validation = (authors_of(tmp_path, name) for name in ("train", "validation"))
    assert not training & validation
    assert 8 * len(training | validation) == facts["train_rows"]
    # Words that only test reviews have are no part of the word index.
    assert authors_of(tmp_path, "test") == set()
    assert facts["test_rows"] == pytest.approx(0.2 * 240, abs=8)


def test_the_baseline_learns_from_the_same_reviews_as_the_network(tmp_path: Path) -> None:
    file = write_grouped(tmp_path / "r.csv", range(30))
    load_reviews(fetch_reviews(source(file), ArtifactStore(tmp_path)), DataConfig(), tmp_path)
    sets = (tmp_path / "train.parquet", tmp_path / "test.parquet")
    groups = tmp_path / TRAIN_GROUPS
    train_baseline(*sets, ProtocolConfig(), {"source": "files", "form": "files"}, tmp_path, groups)
    grouped = (tmp_path / "baseline_predictions.parquet").read_bytes()
    train_baseline(*sets, ProtocolConfig(), {"source": "files", "form": "files"}, tmp_path)
    assert (tmp_path / "baseline_predictions.parquet").read_bytes() != grouped


def test_the_groups_of_training_reviews_are_in_their_order(tmp_path: Path) -> None:
    file = write_grouped(tmp_path / "r.csv", range(30))
    load_reviews(fetch_reviews(source(file), ArtifactStore(tmp_path)), DataConfig(), tmp_path)
    groups = read_groups(tmp_path / TRAIN_GROUPS)
    assert groups is not None
    tokens = pq.read_table(tmp_path / "train.parquet")["tokens"].to_pylist()
    first_words = [row[1] for row in tokens]  # behind the start id: the author's own word
    assert len(set(zip(first_words, groups.tolist(), strict=True))) == len(set(first_words))
    assert len(set(first_words)) == len(set(groups.tolist()))


def test_without_a_group_column_nothing_changes(tmp_path: Path) -> None:
    file = write_grouped(tmp_path / "r.csv", range(30))
    config = SourceConfig(source="files", train_file=file)
    files = fetch_reviews(config, ArtifactStore(tmp_path))
    load_reviews(files, DataConfig(), tmp_path)
    assert not (tmp_path / TRAIN_GROUPS).exists()
    grouped = fetch_reviews(source(file), ArtifactStore(tmp_path))
    assert grouped.content_hash != files.content_hash


def test_a_group_in_both_files_is_refused(tmp_path: Path) -> None:
    train = write_grouped(tmp_path / "a.csv", range(20))
    test = write_grouped(tmp_path / "b.csv", range(18, 30))
    files = fetch_reviews(source(train, test), ArtifactStore(tmp_path))
    with pytest.raises(
        BadDataError, match="2 groups are in the training and in the test file: 'a18', 'a19'"
    ):
        load_reviews(files, DataConfig(), tmp_path)


def test_a_missing_group_and_a_missing_column_are_refused(tmp_path: Path) -> None:
    file = write_grouped(tmp_path / "a.csv", range(20))
    files = fetch_reviews(source(file, group="film"), ArtifactStore(tmp_path))
    with pytest.raises(BadDataError, match=r"has no column 'film'; it has text, label, author"):
        load_reviews(files, DataConfig(), tmp_path)
    file.write_text(file.read_text() + "one more,fine,\n")
    files = fetch_reviews(source(file), ArtifactStore(tmp_path))
    with pytest.raises(BadDataError, match="1 rows have no group in column 'author'"):
        load_reviews(files, DataConfig(), tmp_path)


def test_too_few_groups_are_refused(tmp_path: Path) -> None:
    file = write_grouped(tmp_path / "a.csv", range(1), reviews=40)
    files = fetch_reviews(source(file), ArtifactStore(tmp_path))
    with pytest.raises(BadDataError, match=r"1 groups cannot be split so that a share of 0\.2"):
        load_reviews(files, DataConfig(), tmp_path)


def test_groups_need_files() -> None:
    with pytest.raises(InvalidConfigError, match="group_column needs source 'files'"):
        validated_config(source={"source": "packaged", "group_column": "author"})


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12)), min_size=1, max_size=120),
    st.floats(0.05, 0.95),
    st.integers(0, 9),
)
def test_whole_groups_are_marked_with_both_labels_on_both_sides_or_refused(
    rows: list[tuple[int, int]], fraction: float, seed: int
) -> None:
    labels = np.array([label for label, _ in rows])
    _, groups = np.unique([group for _, group in rows], return_inverse=True)
    try:
        mask = grouped_sample(labels, groups, fraction, seed, "p")
    except BadDataError:
        return
    assert not set(groups[mask]) & set(groups[~mask])
    assert set(labels[mask]) == set(labels[~mask]) == set(labels)
    assert (grouped_sample(labels, groups, fraction, seed, "p") == mask).all()


def test_the_share_of_each_label_is_nearly_that_which_was_asked_for() -> None:
    random = np.random.default_rng(0)
    labels, groups = random.integers(0, 2, 5000), random.integers(0, 400, 5000)
    mask = grouped_sample(labels, groups, 0.2, 0, "p")
    assert [mask[labels == label].mean() for label in (0, 1)] == pytest.approx([0.2, 0.2], abs=0.01)
