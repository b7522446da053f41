import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.analyse_predictions import read_predictions
from tasks.artifact_store import ArtifactStore
from tasks.atomic_files import file_sha256
from tasks.champion import ChampionStore
from tasks.evaluate_model import evaluate_model
from tasks.find_runs import Run
from tasks.read_run import read_config
from tasks.rescore_champion import rescored
from tasks.review_arrays import read_arrays
from tests.made_runs import make_run, rewritten
from tests.promotions import decide, failed, run_id, sentence


@pytest.fixture
def padded(tmp_path: Path, prepared: Path) -> str:
    """The hash of padded test reviews that are in the cache."""
    content = file_sha256(prepared / "test.parquet")
    place = ArtifactStore(tmp_path).objects / content[:2] / f"{content}.parquet"
    place.parent.mkdir(parents=True)
    shutil.copyfile(prepared / "test.parquet", place)
    return content


def champion_and_challenger(
    artifacts: Path, prepared: Path, padded: str, **changes: Any
) -> tuple[Run, Run]:
    """Return two runs with other test reviews; the challenger judges each of its own rightly."""
    reviews = len(read_arrays(prepared / "test.parquet"))
    old = make_run(
        artifacts, run_id(1), right=[True] * reviews, fingerprints=("train", "test of old")
    )
    old = rewritten(old, "best_model.keras", (prepared / "initial_model.keras").read_bytes())
    fields = {"fingerprints": ("train", "test of new"), "data_content": {"test.parquet": padded}}
    new = make_run(artifacts, run_id(2), right=[True] * reviews, **(fields | changes))
    return old, new


def test_the_champion_is_scored_as_evaluate_scores_it(
    tmp_path: Path, prepared: Path, padded: str
) -> None:
    old, new = champion_and_challenger(tmp_path, prepared, padded)
    evaluate_model(old.folder / "best_model.keras", prepared / "test.parquet", 7, {}, tmp_path)
    expected = read_predictions(tmp_path / "predictions.parquet").correct
    found = rescored(old, new, tmp_path)
    assert 0 < found.sum() < len(found)
    assert np.array_equal(found, expected)


def test_a_challenger_with_other_test_reviews_is_compared_on_its_own(
    tmp_path: Path, prepared: Path, padded: str
) -> None:
    old, new = champion_and_challenger(tmp_path, prepared, padded)
    decide(tmp_path, old)
    event = decide(tmp_path, new)
    assert event.kind == "promoted"
    assert event.test is not None
    assert event.test.only_first_right == (~rescored(old, new, tmp_path)).sum()
    assert event.look is not None
    assert event.look.number == 1
    assert sentence(event, "champion").endswith(
        "; the champion was scored again, on the challenger's test reviews"
    )


def test_new_test_reviews_begin_a_new_count_of_looks(
    tmp_path: Path, prepared: Path, padded: str
) -> None:
    old, new = champion_and_challenger(tmp_path, prepared, padded)
    decide(tmp_path, old)
    answers = [False] * new.manifest.score.test_reviews
    same_data = [
        make_run(tmp_path, run_id(number), right=answers, fingerprints=("train", "test of old"))
        for number in (3, 4)
    ]
    looks = [decide(tmp_path, run).look for run in (*same_data, new)]
    assert [look.number for look in looks if look] == [1, 2, 1]


@pytest.mark.parametrize("gone", ["removed", "damaged"])
def test_without_the_padded_reviews_the_sentence_says_what_to_do(
    tmp_path: Path, prepared: Path, padded: str, gone: str
) -> None:
    old, new = champion_and_challenger(tmp_path, prepared, padded)
    place = ArtifactStore(tmp_path).objects / padded[:2] / f"{padded}.parquet"
    if gone == "removed":
        place.unlink()
    else:
        place.write_bytes(b"other bytes")
    decide(tmp_path, old)
    event = decide(tmp_path, new)
    assert failed(event) == ["champion"]
    assert sentence(event, "champion") == (
        "the champion 00000001 cannot be compared: it was judged by other test reviews and cannot"
        " be scored on these: the challenger's padded test reviews are not in the cache: repeat"
        " its run, and promote that one; or use --without-comparison"
    )
    assert event.look is None
    assert decide(tmp_path, new, without_comparison=True).kind == "promoted"


def test_a_champion_with_other_words_or_lengths_cannot_read_the_reviews(
    tmp_path: Path, prepared: Path, padded: str
) -> None:
    old, new = champion_and_challenger(tmp_path, prepared, padded)
    decide(tmp_path, old)
    config = read_config(new).model_dump(mode="json")
    config["text"] |= {"maxlen": 20, "padding": "post"}
    other = rewritten(new, "config.json", json.dumps(config).encode())
    assert "the two runs differ in maxlen, padding" in sentence(decide(tmp_path, other), "champion")


def test_a_champion_with_another_word_index_cannot_read_the_reviews(
    tmp_path: Path, prepared: Path, padded: str
) -> None:
    old, new = champion_and_challenger(tmp_path, prepared, padded)
    decide(tmp_path, old)
    other = rewritten(new, "vocabulary.json", b'{"bad": 1, "good": 2}')
    event = decide(tmp_path, other)
    assert "the two runs learned other word indexes" in sentence(event, "champion")
    assert failed(event) == ["champion"]
    assert len(ChampionStore(tmp_path).events()) == 2
