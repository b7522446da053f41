"""Reviews that belong together are never split between training, validation and test."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError
from tasks.config.training import DataConfig, ProtocolConfig, SourceConfig, TextConfig
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.pad import pad_reviews
from tasks.data.review_files import read_arrow
from tasks.data.sources.source_files import SourceFiles
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
    pad_reviews(*sets, TextConfig(maxlen=9), ProtocolConfig(split_seed=seed), tmp_path)
    training, validation = (authors_of(tmp_path, name) for name in ("train", "validation"))
    assert not training & validation
    assert 8 * len(training | validation) == facts["train_rows"]
    # Words that only test reviews have are no part of the word index.
    assert authors_of(tmp_path, "test") == set()
    assert int(str(facts["test_rows"])) % 8 == 0


def test_the_baseline_learns_from_the_networks_reviews(tmp_path: Path, file: Path) -> None:
    predictions = []
    for group in ("author", None):
        load_reviews(fetched(file, group=group), DataConfig(), tmp_path)
        sets = (tmp_path / "train.parquet", tmp_path / "test.parquet")
        train_baseline(*sets, ProtocolConfig(), {"source": "files", "form": "files"}, tmp_path)
        predictions.append((tmp_path / "baseline_predictions.parquet").read_bytes())
    assert predictions[0] != predictions[1]


def test_reviews_of_one_author_are_one_unit_whatever_other_authors_there_are(
    tmp_path: Path, file: Path
) -> None:
    units: list[set[tuple[str, int]]] = []
    for name, path in (("all", file), ("some", write_grouped(tmp_path / "s.csv", range(5, 25)))):
        (tmp_path / name).mkdir()
        load_reviews(fetched(path), DataConfig(), tmp_path / name)
        vocabulary = Vocabulary.read(tmp_path / name / "vocabulary.json")
        table = pq.read_table(tmp_path / name / "train.parquet")
        # Behind the start id stands the author's own word.
        authors = [str(vocabulary.word(row[1])) for row in table["tokens"].to_pylist()]
        units.append(set(zip(authors, table["unit"].to_pylist(), strict=True)))
        assert len(units[-1]) == len(set(authors)) == len({unit for _, unit in units[-1]})
    assert len(units[0] & units[1]) > 5


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
        (
            range(1),
            None,
            "author",
            "",
            "the test set gets [048] by a share of 0.2: both",
        ),
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
