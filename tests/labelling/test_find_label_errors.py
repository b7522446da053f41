"""The command `label-errors` from a table of reviews to a corrected training set."""

from pathlib import Path

import pytest

from flows.cli import train
from tasks.common.artifact_store import ArtifactStore
from tasks.config.training import DataConfig, SourceConfig
from tasks.data import fetch
from tasks.data.fetch import fetch_reviews
from tasks.data.sources.readers import read_source
from tests.labelling.test_network_judge import change_recipe
from tests.support.commands import Command, run_script
from tests.support.review_samples import (
    distinct_reviews,
    read_file,
    source_of,
    write_train_package,
)
from tests.support.small_run import write_reviews

COMMAND, BAYES = "label-errors", "--judges=naive_bayes"


def planted(folder: Path) -> tuple[Path, set[int]]:
    """Write 400 reviews, of which one in a hundred has the other label; return these rows."""
    path = write_reviews(folder / "reviews.csv", 400)
    lines = path.read_text().splitlines()
    wrong = set(range(3, 400, 100))
    for row in wrong:
        text, label = lines[row + 1].rsplit(",", 1)
        lines[row + 1] = f"{text},{'neg' if label == 'pos' else 'pos'}"
    path.write_text("\n".join(lines) + "\n")
    return path, wrong


def test_planted_errors_are_listed_fixed_and_taken_by_a_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    change_recipe(monkeypatch, ngram_buckets=512, ngram_words=1, maxlen=16, batch_size=32)
    reviews, wrong = planted(tmp_path)
    store = ArtifactStore(tmp_path)
    plain = SourceConfig(source="files", train_file=reviews)
    before = read_source(fetch_reviews(plain, store), DataConfig())
    sought = wrong & set(before.train.review_ids.tolist())
    command = Command(train.app, tmp_path / "artifacts", capsys)
    output = tmp_path / "errors.csv"
    asked = (COMMAND, f"--train-file={reviews}", f"--output={output}", "--fill=suggested")
    said = command.says(*asked, "--folds=2")
    assert "2 networks are trained to judge" in said
    assert "naive Bayes and the n-gram network." in " ".join(said.split())
    found = read_file(output)
    assert {int(row["row"]) for row in found[: len(sought)]} == sought
    assert all(row["fix"] == row["suggested"] != row["label"] for row in found)
    texts = reviews.read_text().splitlines()
    assert all(texts[int(row["row"]) + 1].startswith(row["text"]) for row in found)
    assert f"--label-fixes {output}" in " ".join(said.split())
    alone = tmp_path / "alone.csv"
    command.says(COMMAND, f"--train-file={reviews}", f"--output={alone}", "--folds=2", BAYES)
    assert read_file(alone)[0]["probability"] != found[0]["probability"]

    fixed = plain.model_copy(update={"label_fixes": output})
    files = fetch_reviews(fixed, store)
    after = read_source(files, DataConfig())
    changed = after.train.review_ids[after.train.labels != before.train.labels]
    assert set(changed.tolist()) >= sought
    assert files.content_hash != fetch_reviews(plain, store).content_hash

    status, refused = command.refuses(*asked)
    assert status == 1
    assert "is there already" in refused


def test_a_second_list_has_the_fixes_of_the_first_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews, _ = planted(tmp_path)
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    command = Command(train.app, tmp_path / "artifacts", capsys)
    asked = (COMMAND, f"--train-file={reviews}", BAYES, "--rows=3")
    command.says(*asked, f"--output={first}", "--fill=suggested")
    right, dropped, unread = read_file(first)
    labels = {"neg": "pos", "pos": "neg"}
    plain = SourceConfig(source="files", train_file=reviews)
    before = read_source(fetch_reviews(plain, ArtifactStore(tmp_path)), DataConfig())
    doubted = {int(row["row"]) for row in (right, dropped, unread)}
    wrong = next(row for row in before.train.review_ids.tolist() if row not in doubted)
    label = before.label_names[before.train.labels[before.train.review_ids == wrong][0]]
    fixes = [
        (right["row"], right["label"], right["fix"]),
        (dropped["row"], dropped["label"], "drop"),
        (unread["row"], unread["label"], ""),
        (str(wrong), label, labels[label]),  # a mistake of a person
    ]
    first.write_text("".join(",".join(row) + "\n" for row in [("row", "label", "fix"), *fixes]))

    said = command.says(*asked, f"--output={second}", f"--label-fixes={first}")
    assert f"It has the 3 fixes of {first} too." in " ".join(said.split())
    found = {row["row"]: row for row in read_file(second)}
    assert (found[unread["row"]]["fix"], found[unread["row"]]["label"]) == ("", unread["label"])
    assert found[str(wrong)]["suggested"] == found[str(wrong)]["label"] == label
    texts = reviews.read_text().splitlines()
    for row, was, fix in fixes:
        assert (found[row]["label"], found[row]["fix"]) == (was, fix)
        assert texts[int(row) + 1].startswith(found[row]["text"])
        assert found[row]["text"]

    def learned(table: Path) -> list[list[int]]:
        source = plain.model_copy(update={"label_fixes": table})
        train = read_source(fetch_reviews(source, ArtifactStore(tmp_path)), DataConfig()).train
        return [train.review_ids.tolist(), train.labels.tolist()]

    assert learned(second) == learned(first)


def test_where_reviews_are_too_few_to_validate_a_network_naive_bayes_judges_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    change_recipe(monkeypatch, validation_fraction=1e-9)
    reviews, output = write_reviews(tmp_path / "reviews.csv", 80), tmp_path / "errors.csv"
    command = Command(train.app, tmp_path / "artifacts", capsys)
    said = " ".join(command.says(COMMAND, f"--train-file={reviews}", f"--output={output}").split())
    assert "naive Bayes alone, as there are too few to train the n-gram network." in said
    found = output.read_bytes()
    output.unlink()
    said = command.says(COMMAND, f"--train-file={reviews}", f"--output={output}", BAYES)
    assert "network" not in said
    assert output.read_bytes() == found


def test_the_command_shows_no_notice_of_tensorflow(tmp_path: Path) -> None:
    reviews = write_reviews(tmp_path / "reviews.csv", 80)
    done = run_script(tmp_path, "train_flow.py", COMMAND, f"--train-file={reviews}", BAYES)
    assert done.returncode == 0
    assert done.stderr == ""


def test_reviews_without_a_file_of_the_users_are_listed_by_their_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reviews = [(f"{text} {row}", label) for row, (text, label) in enumerate(distinct_reviews(200))]
    reviews[7] = (reviews[7][0], 1 - reviews[7][1])
    path = write_train_package(tmp_path / "a.csv", reviews, [])
    monkeypatch.setattr(fetch, "_packaged", lambda _: source_of("packaged", reviews=path))
    output = tmp_path / "errors.csv"
    command = Command(train.app, tmp_path / "artifacts", capsys)
    command.says(
        COMMAND, "--source=packaged", f"--output={output}", "--fill=drop", "--rows=1", BAYES
    )
    (only,) = read_file(output)
    assert (only["row"], only["fix"]) == ("7", "drop")
    assert only["text"].startswith("a fine film seen on day n7")


def test_a_network_that_is_gone_matters_to_no_label(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run.toml").write_text('[network]\nnetwork = "gone.py:build"\n')
    reviews, output = write_reviews(tmp_path / "reviews.csv", 80), tmp_path / "errors.csv"
    asked = (f"--config={tmp_path / 'run.toml'}", f"--train-file={reviews}", BAYES)
    command = Command(train.app, tmp_path / "artifacts", capsys)
    command.says(COMMAND, *asked, f"--output={output}")
    assert output.exists()
    _, refused = command.refuses(*asked[:2])
    assert "there is no file gone.py" in refused


def test_fixes_that_are_not_there_are_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews, _ = planted(tmp_path)
    command = Command(train.app, tmp_path / "artifacts", capsys)
    status, said = command.refuses(f"--train-file={reviews}", "--label-fixes=nothing.csv")
    assert status == 1
    assert "--label-fixes nothing.csv: there is no such file" in said
