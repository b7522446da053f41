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
from tasks.data.sources.source_files import TRAIN_GROUPS, SourceFiles
from tasks.data.text.vocabulary import Vocabulary
from tasks.evaluation.baselines import train_baseline


def write_grouped(path: Path, authors: range) -> Path:
    """Write eight reviews of each of some authors, who all have a word of their own."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "author"])
        for row in range(8):
            for author in authors:
                words = "fine" if (row + author) % 2 else "dull"
                writer.writerow([f"by{author} {words} film {row}", words, f"a{author}"])
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_grouped(tmp_path / "r.csv", range(30))


def fetched(train: Path, test: Path | None = None, group: str | None = "author") -> SourceFiles:
    config = SourceConfig(source="files", train_file=train, test_file=test, group_column=group)
    return fetch_reviews(config, ArtifactStore(train.parent))


def authors_of(folder: Path, name: str) -> set[str]:
    """Return the own words of the authors in a padded set."""
    vocabulary = Vocabulary.read(folder / "vocabulary.json")
    batches = read_arrow(folder / f"{name}.arrow")
    ids = {token for batch in batches for token in batch["tokens"].flatten().to_pylist()}
    return {word for token in ids if (word := vocabulary.word(token) or "").startswith("by")}


@pytest.mark.parametrize("seed", range(3))
def test_no_author_is_in_two_of_the_three_sets(tmp_path: Path, file: Path, seed: int) -> None:
    facts = load_reviews(fetched(file), DataConfig(test_seed=seed), tmp_path)
    sets = (tmp_path / "train.parquet", tmp_path / "test.parquet")
    protocol, groups = ProtocolConfig(split_seed=seed), tmp_path / TRAIN_GROUPS
    pad_reviews(*sets, TextConfig(maxlen=9), protocol, tmp_path, groups)
    training, validation = (authors_of(tmp_path, name) for name in ("train", "validation"))
    assert not training & validation
    assert 8 * len(training | validation) == facts["train_rows"]
    # Words that only test reviews have are no part of the word index.
    assert authors_of(tmp_path, "test") == set()
    assert facts["test_rows"] == pytest.approx(0.2 * 240, abs=8)


def test_the_baseline_learns_from_the_networks_reviews(tmp_path: Path, file: Path) -> None:
    load_reviews(fetched(file), DataConfig(), tmp_path)
    sets = (tmp_path / "train.parquet", tmp_path / "test.parquet")
    predictions = []
    for groups in (tmp_path / TRAIN_GROUPS, None):
        source = {"source": "files", "form": "files"}
        train_baseline(*sets, ProtocolConfig(), source, tmp_path, groups)
        predictions.append((tmp_path / "baseline_predictions.parquet").read_bytes())
    assert predictions[0] != predictions[1]


def test_the_groups_of_training_reviews_are_in_their_order(tmp_path: Path, file: Path) -> None:
    load_reviews(fetched(file), DataConfig(), tmp_path)
    groups = read_groups(tmp_path / TRAIN_GROUPS)
    assert groups is not None
    tokens = pq.read_table(tmp_path / "train.parquet")["tokens"].to_pylist()
    first_words = [row[1] for row in tokens]  # behind the start id: the author's own word
    assert len(set(zip(first_words, groups.tolist(), strict=True))) == len(set(first_words))
    assert len(set(first_words)) == len(set(groups.tolist()))


def test_without_a_group_column_nothing_changes(tmp_path: Path, file: Path) -> None:
    files = fetched(file, group=None)
    load_reviews(files, DataConfig(), tmp_path)
    assert not (tmp_path / TRAIN_GROUPS).exists()
    assert fetched(file).content_hash != files.content_hash


@pytest.mark.parametrize(
    ("authors", "test_authors", "group", "more", "sentence"),
    [
        (
            range(20),
            range(18, 30),
            "author",
            "",
            "2 groups are in the training and in the test file: 'a18', 'a19'",
        ),
        (
            range(20),
            None,
            "film",
            "",
            "has no column 'film'; its first line, which must name the columns, holds 'text'",
        ),
        (range(20), None, "author", "one more,fine,\n", "1 rows or more have no group"),
        (range(1), None, "author", "", r"1 groups cannot be split so that a share of 0\.2"),
    ],
)
def test_groups_that_cannot_be_used_are_refused(
    tmp_path: Path, authors: range, test_authors: range | None, group: str, more: str, sentence: str
) -> None:
    train = write_grouped(tmp_path / "a.csv", authors)
    train.write_text(train.read_text() + more)
    test = write_grouped(tmp_path / "b.csv", test_authors) if test_authors else None
    with pytest.raises(BadDataError, match=sentence):
        load_reviews(fetched(train, test, group), DataConfig(), tmp_path)


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
