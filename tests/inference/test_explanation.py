import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from flows.cli.app import main
from flows.cli.predict import app
from tasks.config.training import TokenizerName
from tasks.inference.explanation import Explanation
from tasks.inference.open_model import open_predictor
from tasks.inference.predictor import Predictor, prepare_texts
from tasks.model import network
from tests.model.ngrams.test_table import trained
from tests.support.made_models import WORDS, make_model_run
from tests.support.made_runs import rewritten
from tests.support.review_samples import read_file

TEXTS = ["A fine, lovely film!", "Was it DULL? zzz dull", "", f"{' '.join(WORDS)} lovely"]


def ngram_run(folder: Path, classes: int = 2, tokenizer: TokenizerName = "words") -> Path:
    """Return an artifacts folder with a run of an n-gram network."""
    run = make_model_run(folder / "artifacts", classes=classes, tokenizer=tokenizer)
    file = trained(folder / "model.keras", classes=classes, ngram_words=2, ngram_tail=3)
    rewritten(run, "best_model.keras", file.read_bytes())
    return folder / "artifacts"


def explaining(artifacts: Path) -> Predictor:
    return open_predictor(artifacts).saying(None, all_probabilities=True, explain=True)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ngram_run(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize(
    ("classes", "tokenizer"),
    [(2, "words"), (5, "words"), (2, "characters"), (2, "subwords")],
)
def test_the_contributions_and_the_base_make_the_logit_of_the_answer(
    tmp_path: Path, classes: int, tokenizer: TokenizerName
) -> None:
    predictor = explaining(ngram_run(tmp_path, classes, tokenizer))
    model, table = predictor.model, predictor.network.table
    assert table
    logits = table.logits(prepare_texts(pa.array(TEXTS), model.vocabulary, model.text).tokens)
    for row, of_labels in zip(predictor.predict(TEXTS).to_pylist(), logits, strict=True):
        said = model.label_names.index(row["label"])
        added = [one["contribution"] for one in row["words"]]
        expected = of_labels[said] if classes > 2 else of_labels[0] * (2 * said - 1)
        assert row["base"] + sum(added) == pytest.approx(expected, abs=1e-5)
        assert any(added) == bool(row["words"])


def test_the_words_are_those_of_the_text_and_what_was_not_seen_adds_nothing(
    artifacts: Path,
) -> None:
    rows = explaining(artifacts).predict(TEXTS).to_pylist()
    assert [one["word"] for one in rows[1]["words"]] == ["was", "it", "dull", "zzz", "dull"]
    assert rows[1]["words"][3]["contribution"] == 0
    assert rows[2]["words"] == []
    assert rows[2]["strongest"] == ""
    cut = [one["contribution"] for one in rows[3]["words"]]
    assert len(cut) > 12
    assert not any(cut[:-12])
    assert any(cut[-12:])


def test_the_strongest_words_are_named_on_both_sides_with_all_their_places() -> None:
    words = ("a", "good", "bad", " good", "fine", "best", " ", "dull")
    explained = Explanation(words, (0.0, 0.5, -2.0, 0.4, 0.2, 1.5, 0.6, -0.25), 0.1, 0)
    assert (
        explained.strongest
        == "for best +1.50, good +0.90, space +0.60; against bad -2.00, dull -0.25"
    )


def test_an_ngram_network_asks_nothing_of_keras(
    artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "keras_model", None)
    assert explaining(artifacts).predict(TEXTS)["strongest"][0].as_py()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_file_has_the_columns(tmp_path: Path, artifacts: Path, kind: str) -> None:
    file, output = tmp_path / "texts.jsonl", tmp_path / f"o.{kind}"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS) + "no\n")
    main(app, [f"--artifacts={artifacts}", f"--file={file}", f"--output={output}", "--explain"])
    rows = read_file(output)
    assert rows[0]["strongest"].startswith(("for ", "against "))
    assert not rows[-1]["strongest"]
    assert ("words" in rows[0]) == (kind != "csv")
    if kind != "csv":
        expected = explaining(artifacts).predict(TEXTS)["words"].to_pylist()
        found = [row["words"] for row in rows]
        assert [[one["word"] for one in words] for words in found[:-1]] == [
            [one["word"] for one in words] for words in expected
        ]
        assert found[-1] is None


def test_a_pipe_names_the_strongest_words_and_a_terminal_colours_them(
    artifacts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    asked = [f"--artifacts={artifacts}", "--explain", *TEXTS[:3]]
    main(app, asked)
    printed = capsys.readouterr().out.splitlines()
    explained = explaining(artifacts).predict(TEXTS[:3])["strongest"].to_pylist()
    assert [line.strip() for line in printed[2::2]] == [*explained[:2], "no word counts"]
    assert "\x1b" not in "".join(printed)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    main(app, asked)
    coloured = capsys.readouterr().out
    assert "\x1b[1;3" in coloured
    assert explained[0] in coloured


@pytest.fixture(scope="module")
def any_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifacts folder with a run of the tutorial's network."""
    folder = tmp_path_factory.mktemp("other")
    make_model_run(folder)
    return folder


def test_of_any_other_network_the_columns_make_the_log_odds_but_for_the_gap(
    any_network: Path,
) -> None:
    rows = explaining(any_network).predict(TEXTS).to_pylist()
    for row in rows:
        found = row["base"] + sum(one["contribution"] for one in row["words"])
        expected = np.log(row["probability"] / (1 - row["probability"]))
        assert abs(found - expected) == pytest.approx(row["gap"], abs=1e-3)
        assert row["gap"] < 0.1
    assert [one["word"] for one in rows[1]["words"]] == ["was", "it", "dull", "zzz", "dull"]
    assert rows[1]["words"][3]["contribution"] != 0  # the network sees that there is a word
    assert rows[2]["words"] == []
    cut = [one["contribution"] for one in rows[3]["words"]]
    assert not any(cut[:-12])
    assert all(cut[-12:])


def test_the_gap_stands_behind_the_words_where_there_is_one(
    artifacts: Path, any_network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(app, [f"--artifacts={any_network}", "--explain", TEXTS[0]])
    assert re.search(r"(for|against) .*; gap 0\.\d{3}$", capsys.readouterr().out)
    main(app, [f"--artifacts={artifacts}", "--explain", TEXTS[0]])
    assert "gap" not in capsys.readouterr().out
    assert explaining(artifacts).predict(TEXTS)["gap"].to_pylist() == [0] * len(TEXTS)
