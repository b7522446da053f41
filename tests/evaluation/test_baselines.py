import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tasks.evaluation.baselines
from tasks.config.training import ProtocolConfig, TextConfig
from tasks.data.pad import pad_reviews
from tasks.data.persist import persist_parquet
from tasks.data.review_files import write_parquet
from tasks.evaluation.baselines import sample_of, train_baseline, word_counts
from tasks.model.ngrams.counts import ngram_presence
from tests.support.review_samples import fake_ranks, review_batch

HONEST, TUTORIAL = ProtocolConfig(), ProtocolConfig(protocol="tutorial")

DESCRIBED = {"source": "files", "form": "files"}


def write_set(path: Path, rows: int, seed: int) -> Path:
    """Write reviews whose label their first word tells."""
    lists = [
        [1, 4 + row % 2, *(rank + 8 for rank in ranks)]
        for row, ranks in enumerate(fake_ranks(rows, 30, seed))
    ]
    write_parquet(path, [review_batch(lists)], {}, 64)
    return path


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    return write_set(tmp_path / "train.parquet", 200, 0), write_set(tmp_path / "t.parquet", 60, 1)


def test_words_are_counted_and_start_unknown_and_rarer_words_are_not() -> None:
    tokens = pa.chunked_array([[[1, 4, 4, 6], [1, 2, 9]]], pa.list_(pa.int32()))
    assert word_counts(tokens).toarray().tolist() == [[2, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]]
    assert word_counts(tokens, 3).toarray().tolist() == [[2, 0, 1], [0, 0, 0]]


def test_the_baseline_learns_what_the_words_tell(sets: tuple[Path, Path], tmp_path: Path) -> None:
    facts = train_baseline(*sets, HONEST, DESCRIBED, tmp_path)
    for prefix in ("", "bayes_"):
        assert facts[f"{prefix}accuracy"] == 1.0
        metrics = json.loads((tmp_path / f"{prefix}baseline_metrics.json").read_text())
        assert (metrics["name"], metrics["protocol"]) == (facts[f"{prefix}name"], "honest")
        predictions = pq.read_table(tmp_path / f"{prefix}baseline_predictions.parquet")
        assert predictions["review_id"].to_pylist() == list(range(60))
        right = (predictions["probability"].to_numpy() > 0.5) == predictions["label"].to_numpy()
        assert right.all()


def test_pairs_of_words_tell_the_second_baseline_what_single_words_do_not(tmp_path: Path) -> None:
    files = []
    for name, seed in (("train.parquet", 0), ("test.parquet", 1)):
        random = np.random.default_rng(seed)
        reviews = []
        for row in range(200):
            other = [int(word) for word in random.integers(20, 60, 10)]
            # Each word is in half of the reviews of each label; good are 4 5 and 6 7 in a row.
            first = int(random.integers(2))
            pairs = ([4, 5], [6, 7]) if row % 2 else ([4, 7], [6, 5])
            reviews.append([1, *pairs[first], *other, *pairs[1 - first]])
        write_parquet(tmp_path / name, [review_batch(reviews)], {}, 64)
        files.append(tmp_path / name)
    facts = train_baseline(files[0], files[1], TUTORIAL, DESCRIBED, tmp_path)
    assert float(str(facts["accuracy"])) < 0.7
    assert float(str(facts["bayes_accuracy"])) > 0.95


def test_it_learns_from_the_same_reviews_as_the_network(
    sets: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.linear_model import LogisticRegression

    learned: list[int] = []
    fit = LogisticRegression.fit

    def watched(model: LogisticRegression, rows: object, labels: np.ndarray) -> object:
        learned.append(len(labels))
        return fit(model, rows, labels)

    monkeypatch.setattr(LogisticRegression, "fit", watched)
    for protocol in (HONEST, TUTORIAL):
        train_baseline(*sets, protocol, DESCRIBED, tmp_path)
    assert learned[0] == learned[1] == pytest.approx(160, abs=25)
    assert learned[2:] == [200, 200]


def test_padding_and_unknown_ids_are_no_words() -> None:
    cut = pa.chunked_array([[[0, 0, 1, 4, 5], [4, 2, 5, 0, 0]]], pa.list_(pa.int32()))
    plain = pa.chunked_array([[[1, 4, 5], [4, 2, 5]]], pa.list_(pa.int32()))
    assert (word_counts(cut) != word_counts(plain)).nnz == 0
    assert (ngram_presence(cut, 2) != ngram_presence(plain, 2)).nnz == 0
    assert ngram_presence(cut, 2).sum(axis=1).tolist() == [[3], [2]]


def test_what_a_network_sees_of_the_same_reviews_is_what_the_seen_baseline_learns_from(
    sets: tuple[Path, Path], tmp_path: Path
) -> None:
    for name, text in (
        ("whole", TextConfig(num_words=100, maxlen=40)),
        ("blind", TextConfig(num_words=100, maxlen=4)),  # without the word that tells the label
    ):
        folder = tmp_path / name
        pad_reviews(*sets, text, HONEST, folder)
        files = {split: folder / f"{split}.arrow" for split in ("train", "validation", "test")}
        persist_parquet(files, {}, 64, folder)
        described = DESCRIBED | {"protocol": "honest"}
        seen = folder / "train.parquet", folder / "test.parquet"
        facts = train_baseline(*seen, None, described, folder)
        if name == "whole":
            assert facts == train_baseline(*sets, HONEST, DESCRIBED, tmp_path)
            for file in ("baseline_metrics.json", "bayes_baseline_metrics.json"):
                assert (folder / file).read_bytes() == (tmp_path / file).read_bytes()
        else:
            assert facts["accuracy"] != 1.0


def test_equal_inputs_give_equal_bytes(sets: tuple[Path, Path], tmp_path: Path) -> None:
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        train_baseline(*sets, HONEST, DESCRIBED, tmp_path / name)
        contents.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert contents[0] == contents[1]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_of_more_reviews_than_the_bound_they_learn_as_from_a_table_of_the_sample_alone(
    sets: tuple[Path, Path], tmp_path: Path
) -> None:
    train, test = sets
    alone = tmp_path / "alone.parquet"
    pq.write_table(pq.read_table(train).slice(0, 120), alone, row_group_size=50)
    for name, file, most in (("sample", train, 120), ("alone", alone, 200)):
        (tmp_path / name).mkdir()
        facts = train_baseline(file, test, TUTORIAL, DESCRIBED, tmp_path / name, most=most)
        counts = [facts.get(f"{prefix}learned_from") for prefix in ("", "bayes_")]
        assert counts == ([120, 120] if name == "sample" else [None, None])
    for name in ("baseline_predictions.parquet", "bayes_baseline_predictions.parquet"):
        assert (tmp_path / "sample" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    for name in ("baseline_metrics.json", "bayes_baseline_metrics.json"):
        found, other = (json.loads((tmp_path / n / name).read_text()) for n in ("sample", "alone"))
        assert found == other | {"learned_from": 120, "training_reviews": 200}


def test_up_to_the_bound_all_reviews_teach(sets: tuple[Path, Path], tmp_path: Path) -> None:
    for name, most in (("usual", 50_000), ("exact", 200)):
        (tmp_path / name).mkdir()
        facts = train_baseline(*sets, TUTORIAL, DESCRIBED, tmp_path / name, most=most)
        assert "learned_from" not in facts
    assert contents(tmp_path / "usual") == contents(tmp_path / "exact")


def test_the_sample_has_no_validation_review_and_all_labels() -> None:
    learns = np.array([False, True, True, False, True, True, True, True])
    labels = np.array([2, 0, 0, 2, 1, 1, 2, 2])
    assert sample_of(learns, labels, 3).tolist() == [1, 2, 4, 6]
    assert sample_of(learns, labels, 5).tolist() == [1, 2, 4, 5, 6]


@pytest.mark.parametrize("labels", [2, 3])
def test_answers_do_not_depend_on_how_many_reviews_are_judged_at_once(
    sets: tuple[Path, Path], labels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for place, path in enumerate(sets):
        table = pq.read_table(path)
        changed = pa.array(np.arange(len(table)) % labels, pa.int8())
        files.append(tmp_path / f"{place}.parquet")
        pq.write_table(table.set_column(1, table.schema.field("label"), changed), files[-1])
    found = []
    for rows in (60, 7):
        monkeypatch.setattr(tasks.evaluation.baselines, "_JUDGED_AT_ONCE", rows)
        train_baseline(files[0], files[1], TUTORIAL, DESCRIBED, tmp_path)
        given = (
            pq.read_table(tmp_path / f"{prefix}baseline_predictions.parquet")["probability"]
            for prefix in ("", "bayes_")
        )
        found.append([np.array(column.to_pylist()) for column in given])
    for once, in_parts in zip(*found, strict=True):
        assert once.shape == ((60,) if labels == 2 else (60, 3))
        np.testing.assert_allclose(in_parts, once, rtol=1e-5)
