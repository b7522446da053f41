"""The command `label-next`, from a table and a file of texts to a table to label."""

from pathlib import Path

import numpy as np
import pytest

from flows.cli import train
from tasks.common.artifact_store import ArtifactStore
from tasks.config.training import DataConfig, SourceConfig
from tasks.data.fetch import fetch_reviews
from tasks.data.sources.readers import read_source
from tests.support.commands import Command
from tests.support.review_samples import read_file, write_file
from tests.support.small_run import write_reviews


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    return write_file(path, {name: [row[name] for row in rows] for name in rows[0]})


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(train.app, tmp_path / "artifacts", capsys)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_reviews(tmp_path / "reviews.csv", 300)


def test_chosen_texts_teach_and_never_judge(table: Path, tmp_path: Path, command: Command) -> None:
    new = [
        {"text": row["text"]}
        for row in read_file(write_reviews(tmp_path / "more.csv", 400, seed=1))
    ]
    seen = [{"text": row["text"].upper()} for row in read_file(table)[:50]]
    texts = written(tmp_path / "new.csv", [*new, *new[:20], {"text": "..."}, *seen])
    output = tmp_path / "next.csv"
    asked = (f"--texts={texts}", f"--train-file={table}", f"--output={output}", "--rows=40")
    said = " ".join(command.says("label-next", *asked).split())
    chosen = read_file(output)
    assert len(chosen) == 40
    places = [int(row["row"]) for row in chosen]
    assert max(places) < len(new)
    assert all(row["text"] == new[place]["text"] for row, place in zip(chosen, places, strict=True))
    assert {row["label"] for row in chosen} == {""}
    assert "Left out were 71 that are empty, repeated or labelled already" in said
    assert "Tried on known labels, 40 chosen rows after" in said

    # Labelled and added, they are training reviews, and the test reviews are those of before.
    more = [{"text": row["text"], "label": row["seems"]} for row in chosen]
    grown = written(tmp_path / "grown.csv", read_file(table) + more)
    store, sets = ArtifactStore(tmp_path), []
    for file in (table, grown):
        source = SourceConfig(source="files", train_file=file)
        sets.append(read_source(fetch_reviews(source, store), DataConfig()))
    before, after = sets
    assert np.array_equal(before.test.hashes, after.test.hashes)
    assert len(after.train.labels) == len(before.train.labels) + 40


def test_a_group_of_the_test_reviews_is_not_chosen_from(tmp_path: Path, command: Command) -> None:
    rows = [
        row | {"author": f"a{place // 2 % 30}"}
        for place, row in enumerate(read_file(write_reviews(tmp_path / "plain.csv", 300)))
    ]
    table = written(tmp_path / "reviews.csv", rows)
    texts = written(tmp_path / "new.csv", [row | {"text": f"{row['text']} again"} for row in rows])
    output = tmp_path / "next.csv"
    asked = (f"--texts={texts}", f"--train-file={table}", f"--output={output}")
    command.says("label-next", *asked, "--group-column=author", "--rows=300")
    source = SourceConfig(source="files", train_file=table, group_column="author")
    loaded = read_source(fetch_reviews(source, ArtifactStore(tmp_path)), DataConfig())
    of_test = {rows[row]["author"] for row in loaded.test.review_ids.tolist()}
    chosen = {rows[int(row["row"])]["author"] for row in read_file(output)}
    assert chosen
    assert not chosen & of_test


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("text\n...\n", "no text is left to choose from"),
        ("text\n", "holds no texts"),
        ("body\na fine film\n", "has no column 'text'"),
    ],
)
def test_a_file_that_cannot_be_chosen_from_is_refused_and_nothing_is_written(
    table: Path, tmp_path: Path, command: Command, content: str, sentence: str
) -> None:
    (tmp_path / "new.csv").write_text(content)
    output = tmp_path / "next.csv"
    asked = (f"--texts={tmp_path / 'new.csv'}", f"--train-file={table}", f"--output={output}")
    assert sentence in command.refuses("label-next", *asked)[1]
    assert not output.exists()


def test_a_table_that_is_there_is_not_written_over(
    table: Path, tmp_path: Path, command: Command
) -> None:
    output = tmp_path / "next.csv"
    output.write_text("labels of a person")
    asked = (f"--texts={table}", f"--train-file={table}", f"--output={output}")
    assert "is there already" in command.refuses("label-next", *asked)[1]
    assert output.read_text() == "labels of a person"


@pytest.mark.parametrize("option", ["--accelerator=cpu", "--epochs=2", "--architecture=ngram_bag"])
@pytest.mark.parametrize("name", ["label-next", "label-errors"])
def test_an_option_of_a_training_that_would_do_nothing_is_refused(
    table: Path, command: Command, name: str, option: str
) -> None:
    asked = (f"--texts={table}",) if name == "label-next" else ()
    said = command.refuses(name, *asked, f"--train-file={table}", option)[1]
    assert f"Unknown option: {option.partition('=')[0]}" in said
