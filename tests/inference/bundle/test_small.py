import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from flows.cli.runs import app
from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError
from tasks.config.training import TokenizerName
from tasks.inference.bundle import small
from tasks.inference.bundle.export import export_bundle
from tasks.inference.bundle.files import BUNDLE, BundleManifest, Quantized
from tasks.inference.bundle.open import open_bundle
from tasks.inference.open_model import open_predictor
from tasks.inference.predictor import prepare_texts
from tasks.model.ngrams.packed import read_packed
from tasks.model.ngrams.table import NgramTable
from tasks.run_summary import RunSummary
from tasks.runs.find import Run, find_run
from tests.inference.bundle.test_export import ASKED, loader_alone, loader_answers, loader_of
from tests.inference.test_explanation import ngram_run
from tests.model.ngrams.test_table import reviews, trained
from tests.support.commands import Command
from tests.support.faults.bit_flips import with_flipped_bit
from tests.support.made_models import WORDS, make_model_run
from tests.support.made_runs import changed_json, rewritten

CLOSE = 5e-3
"""The networks here have weights of about 0.5, and a text twelve words."""

TEXTS = [*ASKED, *WORDS, *(" ".join(WORDS[start : start + 8]) for start in range(len(WORDS)))]


@pytest.fixture(scope="module")
def finished(done: RunSummary, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The shared run with an n-gram network in place of its own."""
    run = find_run(done.folder.parent.parent, done.folder.name)
    model = trained(tmp_path_factory.mktemp("model") / "model.keras", ngram_tail=4)
    return rewritten(run, "best_model.keras", model.read_bytes())


def test_a_small_bundle_holds_the_network_once_and_says_what_was_measured(
    finished: Run, small_reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts, exported = finished.folder.parent.parent, tmp_path / "bundle"
    said = Command(app, artifacts, capsys).says(
        "export", "bundle", "latest", str(exported), "--small"
    )
    listed = BundleManifest.parse((exported / BUNDLE).read_bytes(), exported)
    assert listed.files.keys() == {
        *("ngrams.npz", "word_index.json", "preprocessing.json", "abstention.json"),
        *("model_card.md", "predict.py"),
    }
    assert listed.quantized
    assert f"quantized: {listed.quantized.sentence}\n" in said
    card = (exported / "model_card.md").read_text()
    assert "## This bundle is quantized\n" in card
    assert '\npython predict.py "' in card
    assert 'best_model.keras", compile' not in card
    assert f"\n{listed.quantized.sentence}.\n" in card
    assert listed.quantized.reviews == finished.manifest.score.test_reviews
    assert 0 < listed.quantized.largest_difference < CLOSE
    texts = pacsv.read_csv(small_reviews)["text"].to_pylist()
    expected, found = (
        one.predict(texts).to_pydict() for one in (open_predictor(artifacts), open_bundle(exported))
    )
    assert len(set(expected["label"])) > 1
    np.testing.assert_allclose(found["probability"], expected["probability"], atol=CLOSE)
    for column in ("tokens", "unknown_share", "warning"):
        assert found[column] == expected[column]


def measured(run: Run, target: Path) -> Quantized:
    found = export_bundle(run, target, small=True).quantized
    assert found
    return found


def test_it_is_measured_by_the_texts_where_the_padded_reviews_are_lost(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = export_bundle(finished, tmp_path / "one", small=True)
    monkeypatch.setattr(ArtifactStore, "faults", lambda *_: ["lost"])
    read = export_bundle(finished, tmp_path / "two.zip", small=True)
    assert (read.quantized, read.sha256) == (kept.quantized, kept.sha256)


def test_answers_that_differ_are_counted_by_the_cut_of_the_run(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def turned(file: Path) -> NgramTable:
        table = read_packed(file)
        return replace(table, kernel=-table.kernel)

    monkeypatch.setattr(small, "read_packed", turned)
    other = measured(finished, tmp_path / "bundle")
    assert other.other_answers > other.reviews / 2
    copied = shutil.copytree(finished.folder.parent.parent, tmp_path / "artifacts")
    cost = {"cost": {"fp": 1, "fn": 1, "cut": 1.0}}  # above which there is no probability
    run = changed_json(find_run(copied, "latest"), "metrics.json", cost)
    assert measured(run, tmp_path / "cut").other_answers == 0


@pytest.mark.parametrize(
    ("classes", "tokenizer"),
    [(2, "words"), (5, "words"), (2, "characters"), (2, "subwords")],
)
def test_the_loader_and_the_command_answer_as_the_run_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: int, tokenizer: TokenizerName
) -> None:
    monkeypatch.setattr(small, "reviews_again", lambda *_: (reviews(12, 2), None))
    artifacts = ngram_run(tmp_path, classes, tokenizer)
    exported = tmp_path / "bundle"
    export_bundle(find_run(artifacts, "latest"), exported, small=True)
    exact, bundle, loader = open_predictor(artifacts), open_bundle(exported), loader_of(exported)
    given = loader.by_ngrams(TEXTS)
    table, model = bundle.network.table, bundle.model
    assert table
    tokens = prepare_texts(pa.array(TEXTS), model.vocabulary, model.text).tokens
    np.testing.assert_allclose(given, table(tokens), atol=1e-6)
    expected = exact.saying(None, all_probabilities=True, explain=True).predict(TEXTS).to_pylist()
    found = bundle.saying(None, all_probabilities=True, explain=True).predict(TEXTS).to_pylist()
    for exact_row, row in zip(expected, found, strict=True):
        for name in (f"probability of {label}" for label in exact.model.label_names):
            assert row[name] == pytest.approx(exact_row[name], abs=CLOSE)
        words, exact_words = ([one["word"] for one in each["words"]] for each in (row, exact_row))
        assert words == exact_words
    answered = [
        *loader_answers(loader, given, TEXTS, 0.5),
        *loader_answers(loader, given, TEXTS, 0.99),
    ]
    # Of five labels this network is always sure.
    assert classes > 2 or {answer.startswith("unsure") for answer in answered} == {True, False}


def test_the_loader_needs_numpy_alone_and_reads_no_changed_file(
    finished: Run, tmp_path: Path
) -> None:
    exported = tmp_path / "bundle"
    export_bundle(finished, exported, small=True)
    texts = ["a fine film", "dull plot"]
    without = ("tasks", "flows", "tensorflow", "onnxruntime", "pyarrow", "tokenizers")
    done = loader_alone(exported, *texts, without=without)
    assert done.returncode == 0, done.stderr
    rows = open_bundle(exported).predict(texts).to_pylist()
    said = [line.split("\t") for line in done.stdout.splitlines()]
    assert [label for label, _ in said] == [row["label"] for row in rows]
    for (_, probability), row in zip(said, rows, strict=True):
        assert float(probability) == pytest.approx(row["probability"], abs=2e-6)
    file = exported / "ngrams.npz"
    file.write_bytes(with_flipped_bit(file.read_bytes(), 1000))
    spoilt = loader_alone(exported, *texts, without=without)
    assert spoilt.returncode == 1
    assert "ngrams.npz is not as it was exported" in spoilt.stderr
    with pytest.raises(BadDataError, match=r"ngrams.npz is corrupt \(its hash differs\)"):
        open_bundle(exported)


def test_what_cannot_be_small_or_cannot_be_measured_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "bundle")
    make_model_run(tmp_path / "lstm")
    for artifacts, more, expected, sentence in (
        (tmp_path / "lstm", [], 2, "--small: only the bundle of an n-gram network can be small"),
        (tmp_path / "lstm", ["--litert"], 2, "--small: holds the network once, for NumPy"),
        (ngram_run(tmp_path), [], 1, "--small: the test reviews that it is measured by are lost"),
    ):
        words = ["export", "bundle", "latest", target, "--small", *more]
        status, said = Command(app, artifacts, capsys).refuses(*words)
        assert status == expected
        assert sentence in " ".join(said.split())
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["lstm", "artifacts"]
