from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import BadDataError, InvalidConfigError, PromotionError
from tasks.data.sources.text_chunks import rows_of
from tasks.data.tables.decoding import LONGEST_TEXT
from tasks.data.tables.delimited import RowError
from tasks.inference import predictor as inference_predictor
from tasks.inference.open_model import chosen_run, model_of_run, open_predictor
from tasks.inference.predictor import PREDICTIONS, Predictor, prepare_texts
from tasks.model.network import keras_network, open_network
from tasks.runs.find import Run
from tests.support.made_models import ABSTENTION_THERE, WORDS, make_model_run
from tests.support.made_runs import FIRST, SECOND, THIRD, changed_json, make_run, rewritten
from tests.support.promotions import decide, make_challenger, run_id


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_model_run(tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="module")
def predictor(run: Run) -> Predictor:
    return open_predictor(run.folder.parent.parent)


def test_a_prediction_is_what_keras_says_of_the_tokens(run: Run, predictor: Predictor) -> None:
    model = model_of_run(run)
    texts = ["A fine, lovely film!", "the plot was DULL", "", "x" * 9, "film " * 99]
    tokens = prepare_texts(pa.array(texts), model.vocabulary, model.text).tokens
    expected = keras_network(run.folder / "best_model.keras")(tokens)
    predicted = predictor.predict(texts)
    answers = [max(probability, 1 - probability) for probability in expected]
    np.testing.assert_allclose(predicted["probability"], answers, atol=1e-6)
    assert predicted["label"].to_pylist() == [
        "positive" if probability > 0.5 else "negative" for probability in expected
    ]


def test_each_row_says_what_was_used_and_what_to_be_aware_of(predictor: Predictor) -> None:
    texts = ["a fine film", "", None, "fine " * 20, "odd odder oddest film", "odd " * 20]
    rows = predictor.predict(texts).select(["tokens", "unknown_share", "warning"]).to_pylist()
    assert [row["tokens"] for row in rows] == [3, 0, 0, 12, 4, 12]
    assert [round(row["unknown_share"], 2) for row in rows] == [0.33, 0, 0, 0, 0.75, 1]
    assert [row["warning"] for row in rows] == [
        None,
        "empty",
        "empty",
        "truncated",
        "mostly unknown",
        "truncated, mostly unknown",
    ]


def test_a_bad_row_has_an_error_and_nothing_else(predictor: Predictor) -> None:
    asked = rows_of(["fine", "\ud800", 7, RowError("why"), "x" * (LONGEST_TEXT + 1), "dull"])
    rows = predictor.predict_rows(asked).to_pylist()
    assert [row.pop("error") for row in rows] == [
        None,
        "the text is not valid UTF-8",
        "the text is no string but int",
        "why",
        "the text has more than 16,777,216 bytes",
        None,
    ]
    assert all(set(row.values()) == {None} for row in rows[1:5])
    assert rows[0]["probability"] != rows[5]["probability"]


@given(st.lists(st.one_of(st.none(), st.text(max_size=30), st.sampled_from(WORDS)), max_size=20))
def test_each_text_has_its_row_in_order(predictor: Predictor, texts: list[str | None]) -> None:
    together = predictor.predict(texts)
    assert together.schema == PREDICTIONS
    alone = [predictor.predict([text]).to_pylist()[0] for text in texts]
    for one, other in zip(together.to_pylist(), alone, strict=True):
        assert abs(one.pop("probability") - other.pop("probability")) < 1e-6
        assert one == other


def test_how_the_rows_are_parted_changes_nothing(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"the {word} film " * count for count, word in enumerate(WORDS * 3)]
    whole = predictor.predict(texts).to_pylist()
    for name, value in (("_MOST_ROWS", 2), ("_MOST_BYTES", 100), ("_MOST_TOKENS", 1)):
        monkeypatch.setattr(inference_predictor, name, value)
        parted = predictor.predict(texts)
        np.testing.assert_allclose(
            parted["probability"], [row["probability"] for row in whole], atol=1e-6
        )
        assert parted["warning"].to_pylist() == [row["warning"] for row in whole]


def test_a_row_is_predicted_by_the_newest_run_where_there_is_no_champion(tmp_path: Path) -> None:
    for name in (THIRD, FIRST, SECOND):
        make_run(tmp_path, name)
    assert chosen_run(tmp_path, None).folder.name == THIRD
    assert chosen_run(tmp_path, "aaaaaaaa").folder.name == FIRST


def test_the_champion_is_the_default(tmp_path: Path) -> None:
    champion = make_challenger(tmp_path, 1)
    make_challenger(tmp_path, 2)
    assert decide(tmp_path, champion).kind == "promoted"
    assert chosen_run(tmp_path, None).folder.name == run_id(1)
    (champion.folder / "vocabulary.json").write_text("{}")
    with pytest.raises(PromotionError, match=r"is damaged \(vocabulary.json has 2 bytes"):
        open_predictor(tmp_path)


def test_a_champion_that_was_rewritten_with_all_its_hashes_is_refused(tmp_path: Path) -> None:
    champion = make_challenger(tmp_path, 1)
    decide(tmp_path, champion)
    rewritten(champion, "vocabulary.json", b"{}")
    with pytest.raises(PromotionError, match=r"manifest.json is not the one that was promoted"):
        open_predictor(tmp_path)


@pytest.mark.parametrize("name", ["best_model.keras", "vocabulary.json", "data_report.json"])
def test_a_damaged_file_is_not_opened(tmp_path: Path, name: str) -> None:
    run = make_run(tmp_path)
    (run.folder / name).write_bytes(b"something else")
    with pytest.raises(BadDataError, match=rf"{name} has 14 bytes instead of"):
        open_predictor(tmp_path)


def test_a_run_on_kerass_numbers_says_so(tmp_path: Path) -> None:
    source = make_run(tmp_path, FIRST).manifest.source.model_dump(mode="json")
    run = make_model_run(tmp_path, SECOND, source=source | {"source": "imdb", "form": "keras"})
    model = model_of_run(run)
    assert model.note is not None
    assert "Keras's own word index" in model.note
    assert Predictor(model, open_network(model.file)).predict(["fine"]).num_rows == 1


def test_an_answer_is_unsure_where_another_label_may_be_true(run: Run) -> None:
    texts = [*WORDS, "a fine film", ""]
    asked = open_predictor(run.folder.parent.parent).saying(0.9, all_probabilities=True)
    rows = asked.predict(texts).to_pylist()
    limit = 1 - ABSTENTION_THERE.threshold(0.9)
    for row in rows:
        both = [row["probability of negative"], row["probability of positive"]]
        assert row["answer"] == ("unsure" if min(both) >= limit else row["label"])
    assert {"unsure", "positive"} <= {row["answer"] for row in rows}
    plain = open_predictor(run.folder.parent.parent).predict(texts)
    assert [row["label"] for row in rows] == plain["label"].to_pylist()


def test_an_unsure_answer_of_several_labels_says_which(tmp_path: Path) -> None:
    run = make_model_run(tmp_path / "artifacts", classes=3)
    predictor = replace(open_predictor(tmp_path / "artifacts"), abstain=0.9)
    answers = predictor.predict(WORDS)["answer"].to_pylist()
    names = model_of_run(run).label_names
    unsure = [one for one in answers if one not in names]
    assert unsure
    for one in unsure:
        head, _, held = one.partition(": ")
        assert head == "unsure"
        assert set(held.split(" or ")) < {*names} or held == " or ".join(names)
    assert set(names) & set(answers)


def test_a_level_that_a_model_does_not_have_is_refused(
    tmp_path: Path, predictor: Predictor
) -> None:
    with pytest.raises(InvalidConfigError, match=r"--abstain 2: must be from 0\.5 to 0\.99"):
        predictor.saying(2, all_probabilities=False)
    run = make_model_run(tmp_path / "artifacts")
    (run.folder / "abstention.json").unlink()
    files = {name: one for name, one in run.manifest.files.items() if name != "abstention.json"}
    run.manifest.model_copy(update={"files": files}).write(run.folder)
    with pytest.raises(InvalidConfigError, match="an earlier version of this project trained"):
        open_predictor(tmp_path / "artifacts").saying(0.9, all_probabilities=False)


def test_above_the_cut_of_a_run_the_second_label_is_the_answer(tmp_path: Path) -> None:
    run = make_model_run(tmp_path / "artifacts")
    plain = replace(open_predictor(tmp_path / "artifacts"), all_probabilities=True)
    given = plain.predict(WORDS)["probability of positive"].to_numpy()
    cut = float(np.median(given))
    changed_json(run, "metrics.json", {"cost": {"fp": 5, "fn": 1, "cut": cut}})
    rows = open_predictor(tmp_path / "artifacts").predict(WORDS).to_pylist()
    assert cut > 0.6
    for row, of_positive in zip(rows, given, strict=True):
        is_positive = of_positive > cut
        assert row["label"] == ("positive" if is_positive else "negative")
        assert row["probability"] == pytest.approx(of_positive if is_positive else 1 - of_positive)
    assert len({row["label"] for row in rows}) == 2
