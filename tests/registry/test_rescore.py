from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError, PromotionError
from tasks.config.training import DataConfig
from tasks.data.load import load_reviews
from tasks.evaluation.evaluate import evaluate_model
from tasks.evaluation.slices import read_predictions
from tasks.registry.champion import ChampionStore
from tasks.registry.rescore import judged_together, rescored
from tasks.runs.find import Run
from tests.support.made_runs import changed_json, make_run, rewritten
from tests.support.promotions import CONFIG, decide, failed, run_id, sentence
from tests.support.review_samples import source_of
from tests.support.small_run import small_config, write_reviews


@pytest.fixture(scope="module")
def index(small_reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The word index that the prepared reviews were numbered by."""
    folder = tmp_path_factory.mktemp("loaded")
    load_reviews(source_of("files", train=small_reviews), small_data(), folder)
    return (folder / "vocabulary.json").read_bytes()


@pytest.fixture
def champion(tmp_path: Path, prepared: Path, index: bytes) -> Run:
    """A run with a real model, which was judged by other test reviews."""
    run = make_run(
        tmp_path, run_id(1), right=[True] * 48, fingerprints=("train", "test of the champion")
    )
    run = rewritten(run, "best_model.keras", (prepared / "initial_model.keras").read_bytes())
    return rewritten(run, "vocabulary.json", index)


def small_data() -> DataConfig:
    return small_config(Path("reviews.csv")).data


def challenger(artifacts: Path, file: Path, folder: Path, **changes: Any) -> Run:
    """Return a run that was judged by the reviews held out of `file`, each correctly."""
    folder.mkdir()
    facts = load_reviews(source_of("files", train=file), small_data(), folder)
    fields = {
        "fingerprints": ("train", facts["test_fingerprint"]),
        "source": source_of("files", train=file).model_dump(mode="json"),
    }
    right = [True] * int(str(facts["test_rows"]))
    return make_run(artifacts, run_id(2), right=right, **(fields | changes))


def test_the_champion_is_scored_as_evaluate_scores_it(
    tmp_path: Path, prepared: Path, champion: Run, small_reviews: Path
) -> None:
    model = champion.folder / "best_model.keras"
    evaluate_model(model, prepared / "test.parquet", 7, {}, tmp_path)
    expected = read_predictions(tmp_path / "predictions.parquet").correct
    found = rescored(champion, challenger(tmp_path, small_reviews, tmp_path / "loaded"))
    assert 0 < found.sum() < len(found)
    assert np.array_equal(found, expected)


def test_test_reviews_in_a_folder_of_parquet_are_scored_as_those_of_a_csv(
    tmp_path: Path, champion: Run, small_reviews: Path
) -> None:
    folder = tmp_path / "reviews"
    folder.mkdir()
    reviews = pacsv.read_csv(small_reviews)
    pq.write_table(reviews.slice(0, 100), folder / "1.parquet")
    pq.write_table(reviews.slice(100), folder / "2.parquet")
    of_csv, of_folder = (
        rescored(champion, challenger(tmp_path / name, file, tmp_path / f"loaded {name}"))
        for name, file in (("csv", small_reviews), ("folder", folder))
    )
    assert len(of_folder) > 0
    assert np.array_equal(of_folder, of_csv)


def test_a_challenger_with_other_data_words_and_lengths_is_compared_on_its_own_reviews(
    tmp_path: Path, champion: Run
) -> None:
    decide(tmp_path, champion)
    file = write_reviews(tmp_path / "new.csv", 400, seed=1)
    new = challenger(tmp_path, file, tmp_path / "loaded")
    new = changed_json(new, "config.json", {"text": {"maxlen": 20, "num_words": 30}})
    event = decide(tmp_path, new)
    assert event.kind == "promoted"
    assert event.test is not None
    assert event.test.reviews == len(rescored(champion, new)) > 50
    assert event.test.only_first_right == (~rescored(champion, new)).sum() > 0
    assert event.look is not None
    assert event.look.number == 1
    assert sentence(event, "champion").endswith(
        "; the champion was scored again, on the challenger's test reviews"
    )


def test_new_test_reviews_begin_a_new_count_of_interim_tests(
    tmp_path: Path, champion: Run, small_reviews: Path
) -> None:
    decide(tmp_path, champion)
    old_data = [
        make_run(
            tmp_path,
            run_id(number),
            right=[False] * 48,
            fingerprints=("train", "test of the champion"),
        )
        for number in (3, 4)
    ]
    new = challenger(tmp_path, small_reviews, tmp_path / "loaded")
    looks = [decide(tmp_path, run).look for run in (*old_data, new)]
    assert [look.number for look in looks if look] == [1, 2, 1]


@pytest.mark.parametrize("who", ["champion", "challenger"])
def test_reviews_that_either_model_has_learned_from_do_not_count(tmp_path: Path, who: str) -> None:
    # On the reviews that one has learned from, the other is wrong.
    learned = range(20)
    sides = {
        name: make_run(
            tmp_path,
            run_id(number),
            right=[name == who] * 20 + [name == "challenger"] * 28,
            baseline_right=[False] * 48,
            learned=learned if name == who else (),
        )
        for number, name in enumerate(("champion", "challenger"), start=1)
    }
    decide(tmp_path, sides["champion"], CONFIG.model_copy(update={"floor": 0.0}))
    event = decide(tmp_path, sides["challenger"])
    assert event.test is not None
    assert (event.test.reviews, event.test.only_first_right) == (28, 28)
    assert sentence(event, "champion").endswith(
        "; 28 of 48 test reviews are left, new to both models"
    )


def test_too_few_reviews_that_are_new_to_both_are_no_comparison(tmp_path: Path) -> None:
    decide(tmp_path, make_run(tmp_path, run_id(1), right=[True] * 48, learned=range(45)))
    new = make_run(tmp_path, run_id(2), right=[True] * 48, learned=[47])
    config = CONFIG.model_copy(update={"fewest_reviews": 3})
    event = decide(tmp_path, new, config)
    assert failed(event) == ["champion"]
    assert "2 of 48 test reviews are left, new to both models, and at least 3 are needed" in (
        sentence(event, "champion")
    )
    assert decide(tmp_path, new, config, without_comparison=True).kind == "promoted"


def test_several_models_are_judged_by_reviews_that_are_new_to_each_of_them(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, run_id(number), right=[row >= number for row in range(48)], learned=seen)
        for number, seen in ((1, range(4)), (2, [10]), (9, []))
    ]
    found = judged_together(runs, ArtifactStore(tmp_path))
    assert (found.reviews, found.all_reviews, found.tested) == (43, 48, run_id(1))
    assert [one.accuracy for one in found.scores] == pytest.approx([1, 1, 38 / 43])
    assert found.scores[0].test is None
    assert found.scores[2].test is not None
    assert found.scores[2].test.only_second_right == 5
    for one in found.scores:
        assert one.accuracy_low < one.accuracy <= one.accuracy_high


def test_a_model_that_chose_by_its_test_reviews_has_seen_them(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, run_id(number), protocol=protocol)
        for number, protocol in ((1, "honest"), (2, "tutorial"))
    ]
    with pytest.raises(BadDataError, match="no test review that is new to all these models"):
        judged_together(runs, ArtifactStore(tmp_path))


def test_what_a_model_answers_to_the_reviews_of_another_run_is_kept(
    tmp_path: Path, champion: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_reviews(tmp_path / "new.csv", 400, seed=1)
    new = challenger(tmp_path, file, tmp_path / "loaded")
    answers = rescored(champion, new)
    runs, store = [new, champion], ArtifactStore(tmp_path)
    first = judged_together(runs, store)
    assert first.tested == new.manifest.run_id
    assert first.scores[1].accuracy == answers.mean()
    called: list[str] = []

    def noted(run: Run, tested: Run) -> np.ndarray:
        called.extend(each.manifest.run_id for each in (run, tested))
        return answers

    monkeypatch.setattr("tasks.registry.rescore.rescored", noted)
    assert judged_together(runs, store) == first
    assert not called
    (kept,) = store.judged.iterdir()
    kept.write_text(kept.read_text().replace('"correct": "', '"correct": "0', 1))
    assert judged_together(runs, store) == first
    assert called == [run_id(1), run_id(2)]


@pytest.mark.parametrize("fault", ["removed", "changed"])
def test_without_the_texts_it_says_what_to_do(tmp_path: Path, champion: Run, fault: str) -> None:
    decide(tmp_path, champion)
    file = write_reviews(tmp_path / "new.csv", 100, seed=1)
    new = challenger(tmp_path, file, tmp_path / "loaded")
    if fault == "removed":
        file.unlink()
    else:
        file.write_text(file.read_text().replace("dull", "fine"))
    event = decide(tmp_path, new)
    assert failed(event) == ["champion"]
    assert sentence(event, "champion") == (
        "the champion 00000001 cannot be compared: it was judged by other test reviews and cannot"
        f" be scored on these: their file {file} is missing or changed: bring it back as it was;"
        " or promote with --without-comparison"
    )
    assert event.look is None
    assert decide(tmp_path, new, without_comparison=True).kind == "promoted"
    assert len(ChampionStore(tmp_path).events()) == 3


@pytest.mark.parametrize(
    ("changes", "labels", "said"),
    [
        ({"fingerprints": ("train", "as it was")}, None, "can no longer be read as then: repeat"),
        ({}, ["ham", "spam"], "missing: 'negative', 'positive'; new: 'ham', 'spam'"),
    ],
)
def test_reviews_that_cannot_be_scored_are_reported(
    tmp_path: Path,
    champion: Run,
    small_reviews: Path,
    changes: dict[str, Any],
    labels: list[str] | None,
    said: str,
) -> None:
    new = challenger(tmp_path, small_reviews, tmp_path / "loaded", **changes)
    if labels:
        new = changed_json(new, "data_report.json", {"label_names": labels})
    with pytest.raises(PromotionError, match=said):
        rescored(champion, new)
