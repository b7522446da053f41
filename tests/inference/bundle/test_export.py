import contextlib
import io
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain
from pathlib import Path
from typing import Any
from unicodedata import category

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from flows.cli import predict, runs
from flows.cli.app import main
from tasks.common.atomic_files import file_sha256
from tasks.common.canonical_json import readable_json
from tasks.common.errors import BadDataError, ExportError, InvalidConfigError
from tasks.common.hashed_files import hashed_files
from tasks.config.training import ConvBilstmConfig, DataConfig, TextConfig, TokenizerName
from tasks.data.text.padding import pad_tokens
from tasks.data.text.tokenizer import split_words
from tasks.evaluation.abstention import NO_ABSTENTION
from tasks.inference.bundle import export as module
from tasks.inference.bundle import open as opening
from tasks.inference.bundle.export import Bundle, export_bundle
from tasks.inference.bundle.files import BUNDLE, BUNDLE_SHA256, BundleManifest
from tasks.inference.bundle.litert import litert_network
from tasks.inference.bundle.open import open_bundle
from tasks.inference.bundle.saved_model import (
    lower_case_table,
    padded_ids,
    saved_model_answers,
    words_of,
)
from tasks.inference.open_model import open_predictor
from tasks.inference.predictor import Predictor, prepare_texts
from tasks.model.build import build_network
from tasks.model.network import TOLERANCE, keras_network, onnx_network
from tasks.runs.find import find_run
from tests.inference.test_prepared_texts import CONTROLS, EMOJI, HTML, LANGUAGES
from tests.support.faults.bit_flips import with_flipped_bit
from tests.support.made_models import WORDS, lively, make_model_run, write_trap
from tests.support.made_runs import FIRST, changed_json, make_run, rewritten
from tests.support.review_samples import lists_of, padded_tokens, ragged
from tests.support.samples.real_reviews import write_real_reviews
from tests.support.small_run import small_config, write_sets

ASKED = ["a FINE film", "dull, dull plot", "", "fine " * 30, HTML, EMOJI, LANGUAGES, "odd words"]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifacts")
    make_model_run(folder)
    return folder


@pytest.fixture(scope="module")
def bundle(artifacts: Path) -> Bundle:
    target = ["export", "bundle", "latest", str(artifacts / "bundle.zip"), "--litert"]
    out = io.BytesIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(out, write_through=True)):
        main(runs.app, [*target, f"--artifacts={artifacts}", "--json"])
        return Bundle.model_validate_json(out.getvalue())


@pytest.fixture
def folder(tmp_path: Path, bundle: Bundle) -> Path:
    with zipfile.ZipFile(bundle.path) as archive:
        archive.extractall(tmp_path / "bundle")
    return tmp_path / "bundle"


def hashed_anew(folder: Path) -> Path:
    """Give a changed bundle the hashes of its files, as whoever changed it could."""
    for name in (BUNDLE, BUNDLE_SHA256):
        (folder / name).unlink()
    BundleManifest(run_id=FIRST, versions={}, files=hashed_files(folder)).write(folder)
    return folder


def loader_of(folder: Path) -> Any:
    """Return the bundle's own `predict.py` as a module."""
    spec = spec_from_file_location("loader", folder / "predict.py")
    assert spec is not None
    assert spec.loader is not None
    loader = module_from_spec(spec)
    spec.loader.exec_module(loader)
    return loader


def loader_answers(loader: Any, given: np.ndarray, texts: list[str], level: float) -> list[str]:
    """Return the loader's answers, which are those of `predict --bundle --abstain`."""
    said = open_bundle(loader.FOLDER).saying(level, all_probabilities=False)
    expected = said.predict(texts).to_pydict()
    labels, probabilities, answers = zip(
        *loader.predicted(given, loader.threshold(level)), strict=True
    )
    assert list(labels) == expected["label"]
    assert [*map(float, probabilities)] == pytest.approx(expected["probability"], abs=TOLERANCE)
    assert list(answers) == expected["answer"]
    return list(answers)


def loader_alone(
    folder: Path, *words: str, without: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the bundle's own `predict.py` where these packages cannot be imported."""
    # -I leaves the folder of the project out of the path.
    code = (
        f"import sys, runpy; sys.modules.update(dict.fromkeys({without!r}))\n"
        f"sys.argv[1:] = {words!r}\n"
        f"runpy.run_path({str(folder / 'predict.py')!r}, None, '__main__')"
    )
    command = [sys.executable, "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_bundle_answers_as_its_run_does(artifacts: Path, bundle: Bundle, folder: Path) -> None:
    expected = open_predictor(artifacts).predict(ASKED)
    assert open_bundle(bundle.path, bundle.sha256).predict(ASKED) == expected
    assert open_bundle(folder, bundle.sha256).predict(ASKED) == expected
    unsure = [
        predictor.saying(0.9, all_probabilities=False).predict(ASKED)["answer"]
        for predictor in (open_predictor(artifacts), open_bundle(folder))
    ]
    assert unsure[0] == unsure[1]
    assert set(bundle.differences) == {"saved_model", "model.onnx", "model.tflite"}
    assert max(bundle.differences.values()) < TOLERANCE
    *_, start = (folder / "model_card.md").read_text().split("## ")
    assert start.startswith("How to get started\n\nIn the folder of this bundle; the first lines")
    assert "python predict.py" in start
    assert "keras" not in start


@pytest.mark.parametrize("classes", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_all_forms_of_a_network_of_many_labels_give_each_label_what_keras_gives(
    tmp_path: Path, classes: int
) -> None:
    run = make_model_run(tmp_path / "artifacts", classes=classes)
    exported = tmp_path / "bundle"
    export_bundle(run, exported, litert=True)
    bundle = open_bundle(exported)
    texts = [*ASKED, *(" ".join(WORDS[start : start + 8]) for start in range(len(WORDS)))]
    trained = keras_network(run.folder / "best_model.keras")
    expected = Predictor(bundle.model, trained, True).predict(texts).to_pydict()
    assert len(set(expected["label"])) > 1
    graph = (exported / "model.onnx").read_bytes()
    for network in (onnx_network(graph), litert_network(exported / "model.tflite"), bundle.network):
        found = Predictor(bundle.model, network, True).predict(texts).to_pydict()
        assert found["label"] == expected["label"]
        for column in (f"probability of label {number}" for number in range(classes)):
            np.testing.assert_allclose(found[column], expected[column], atol=TOLERANCE)
    answers = saved_model_answers(exported / "saved_model", texts).to_pydict()
    assert answers["label"] == expected["label"]
    np.testing.assert_allclose(answers["probability"], expected["probability"], atol=TOLERANCE)
    loader = loader_of(exported)
    answered = [
        *loader_answers(loader, loader.by_onnx(texts), texts, 0.5),
        *loader_answers(loader, loader.by_tensorflow(texts), texts, 0.99),
    ]
    assert {answer.startswith("unsure: label ") for answer in answered} == {True, False}


def test_the_loader_abstains_as_the_command_does_and_refuses_what_it_refuses(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loader, command = loader_of(folder), open_bundle(folder)
    for given in (loader.by_onnx(WORDS), loader.by_tensorflow(WORDS)):
        answered = [loader_answers(loader, given, WORDS, level) for level in (0.5, 0.9, 0.99)]
        assert {*chain(*answered)} == {"unsure", "positive"}
    none = NO_ABSTENTION.model_dump_json()
    for abstention, level in [(None, 0.4), (None, 0.991), (None, float("nan")), (none, 0.9)]:
        if abstention is not None:
            (folder / "abstention.json").write_text(abstention)
            command = open_bundle(hashed_anew(folder))
        with pytest.raises(InvalidConfigError) as refused:
            command.saying(level, all_probabilities=False)
        monkeypatch.setattr(sys, "argv", ["predict.py", f"--abstain={level}", "a fine film"])
        with pytest.raises(SystemExit) as ended:
            loader.main()
        assert str(ended.value) == f"error: {refused.value}"
    assert not capsys.readouterr().out


def test_a_zip_explains_its_answers_as_its_run_does(artifacts: Path, bundle: Bundle) -> None:
    both = [
        one.saying(None, all_probabilities=False, explain=True).predict(ASKED).to_pylist()
        for one in (open_predictor(artifacts), open_bundle(bundle.path))
    ]
    for rows in zip(*both, strict=True):
        of_run, of_bundle = ({w["word"]: w["contribution"] for w in row["words"]} for row in rows)
        assert of_bundle == pytest.approx(of_run, abs=1e-4)
    assert any(row["words"] for row in both[1])


def test_the_saved_model_reads_texts_as_the_tokenizer_does(artifacts: Path, folder: Path) -> None:
    texts = [*ASKED, CONTROLS, "x" * (1 << 20), "fine film " * (1 << 16)]
    expected = open_predictor(artifacts).predict(texts)
    found = saved_model_answers(folder / "saved_model", texts)
    assert found["label"].to_pylist() == expected["label"].to_pylist()
    np.testing.assert_allclose(found["probability"], expected["probability"], atol=TOLERANCE)


def test_the_graph_splits_every_character_as_the_tokenizer_does() -> None:
    import tensorflow as tf

    points = [point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF]
    texts = ["".join(f"a{chr(point)}B " for point in points[start::256]) for start in range(256)]
    words, offsets = split_words(pa.array(texts))
    ragged = words_of(tf.constant(texts), tf.constant(lower_case_table()))
    assert ragged.row_lengths().numpy().tolist() == np.diff(offsets).tolist()
    assert [word.decode() for word in ragged.flat_values.numpy()] == words.to_pylist()


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "middle", "post"])
def test_the_graph_cuts_and_fills_as_the_training_does(padding: str, truncating: str) -> None:
    import tensorflow as tf

    sides = {"padding": padding, "truncating": truncating}
    text = TextConfig.model_validate({"num_words": 40, "maxlen": 6, "head": 2} | sides)
    lists = [list(range(4, 4 + words)) for words in range(10)]
    found = padded_ids(tf.ragged.constant(lists, dtype=tf.int32), text)
    expected = pad_tokens(ragged([[1, *ids] for ids in lists]), text)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("tokenizer", ["words", "subwords", "characters"])
def test_the_loader_reads_every_character_as_the_project_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: TokenizerName
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    run = make_model_run(tmp_path / "artifacts", tokenizer=tokenizer)
    exported = export_bundle(run, tmp_path / "bundle")
    assert set(exported.differences) - {"saved_model"} == {"model.onnx"}
    assert ("saved_model" in exported.differences) == (tokenizer == "words")
    loader = loader_of(exported.path)
    assert list(exported.path.glob("__pycache__/*"))  # which leaves the bundle what it is
    read, bundle = loader.Tokenizer(), open_bundle(exported.path)
    # Beyond, nothing has a lower case or another form, but for some ideographs. What this Python's
    # Unicode does not know yet, Arrow's may.
    known = [one for one in map(chr, range(0x30000)) if category(one) not in ("Cn", "Cs")]
    every = ["".join(f"a{one}B " for one in known[start::256]) for start in range(256)]
    texts = [*ASKED, CONTROLS, *every]
    unfilled = bundle.model.vocabulary.tokens([pa.array(texts)])
    assert [read.tokens(text) for text in texts] == [ids[1:] for ids in lists_of(unfilled)]
    prepared = prepare_texts(pa.array(texts), bundle.model.vocabulary, bundle.model.text)
    assert [read.row(text) for text in texts] == prepared.tokens.tolist()
    rows = bundle.predict(ASKED).to_pylist()
    said = loader.predicted(loader.by_onnx(ASKED), None)
    assert [label for label, _ in said] == [row["label"] for row in rows]
    given = [float(probability) for _, probability in said]
    np.testing.assert_allclose(given, [row["probability"] for row in rows], atol=TOLERANCE)


def test_the_loader_of_a_bundle_needs_nothing_of_the_project(artifacts: Path, folder: Path) -> None:
    texts = ["a fine film", "dull plot"]
    words, without = ("--abstain", "0.9", *texts), ("tasks", "flows", "tensorflow")
    done = loader_alone(folder, *words, without=without)
    assert done.returncode == 0, done.stderr
    asked = open_predictor(artifacts).saying(0.9, all_probabilities=False)
    assert done.stdout.splitlines() == [
        f"{row['label']}\t{row['probability']:.6f}\t{row['answer']}"
        for row in asked.predict(texts).to_pylist()
    ]
    (folder / "word_index.json").write_text("{}")
    spoilt = loader_alone(folder, *words, without=without)
    assert spoilt.returncode == 1
    assert "word_index.json is not as it was exported" in spoilt.stderr


@pytest.mark.parametrize(
    "name", ["model.keras", "word_index.json", "preprocessing.json", "saved_model/saved_model.pb"]
)
def test_a_bundle_with_one_changed_byte_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(with_flipped_bit(content, len(content) // 2))
    with pytest.raises(BadDataError, match=rf"{name} is corrupt \(its hash differs\)"):
        open_bundle(folder)


def test_a_missing_an_added_and_a_linked_file_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "model.onnx").unlink()
    (folder / "extra.pkl").write_bytes(b"x")
    (folder / "linked").symlink_to(tmp_path)
    with pytest.raises(BadDataError) as refused:
        open_bundle(folder)
    for fault in ("model.onnx is missing", "extra.pkl is not in bundle.json", "linked is a link"):
        assert fault in str(refused.value)


def test_a_bundle_hashed_anew_is_refused_by_the_kept_hash(folder: Path, bundle: Bundle) -> None:
    (folder / "word_index.json").write_text('{"other": 1}')
    hashed_anew(folder)
    with pytest.raises(BadDataError, match="is not the bundle that was requested"):
        open_bundle(folder, bundle.sha256)


@dataclass
class Bomb:
    """Runs a command when it is unpickled."""

    trap: Path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.trap}",)


@pytest.mark.parametrize("name", ["word_index.json", "preprocessing.json", "model.keras"])
def test_a_pickle_with_good_hashes_is_never_loaded(folder: Path, tmp_path: Path, name: str) -> None:
    trap = tmp_path / "trap"
    pickle.loads(pickle.dumps(Bomb(trap)))
    assert trap.exists()
    trap.unlink()
    (folder / name).write_bytes(pickle.dumps(Bomb(trap)))
    with pytest.raises(BadDataError, match="is damaged"):
        open_bundle(hashed_anew(folder))
    assert not trap.exists()


def test_a_lambda_layer_is_never_run_even_with_good_hashes(folder: Path) -> None:
    trap = write_trap(folder / "model.keras")
    with pytest.raises(BadDataError, match="Keras's safe mode refuses it"):
        open_bundle(hashed_anew(folder))
    assert not trap.exists()


def changed_zip(bundle: Bundle, target: Path, entry: zipfile.ZipInfo | str) -> Path:
    """Return a copy of a bundle's zip with one more file in it."""
    target.write_bytes(bundle.path.read_bytes())
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(entry, b"x")
    return target


LINK = zipfile.ZipInfo("link")
LINK.external_attr = 0o120777 << 16


@pytest.mark.parametrize(
    "entry", ["../evil", "/tmp/evil", "a/../../evil", "a\\..\\evil", "C:evil", "folder/", LINK]
)
def test_a_link_and_a_name_that_leads_outside_are_not_unpacked(
    bundle: Bundle, tmp_path: Path, entry: zipfile.ZipInfo | str
) -> None:
    with pytest.raises(BadDataError, match=r"would lie outside the bundle; it is not unpacked"):
        open_bundle(changed_zip(bundle, tmp_path / "b.zip", entry))
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]


def test_two_files_of_one_name_are_refused(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        file = changed_zip(bundle, tmp_path / "b.zip", "model.keras")
    with pytest.raises(BadDataError, match="holds two files of one name"):
        open_bundle(file)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MOST_BYTES", 1 << 20)
    file = tmp_path / "b.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1 << 22))
    assert file.stat().st_size < 1 << 13
    with pytest.raises(BadDataError, match=r"1 files of 4,194,304 bytes, more than the"):
        open_bundle(file)


@pytest.mark.parametrize("content", [b"", b"no zip", pickle.dumps([1]), "torn"])
def test_what_is_no_zip_is_refused(bundle: Bundle, tmp_path: Path, content: bytes | str) -> None:
    torn = bundle.path.read_bytes()[:-30]
    (tmp_path / "b.zip").write_bytes(content if isinstance(content, bytes) else torn)
    with pytest.raises(BadDataError, match="is damaged"):
        open_bundle(tmp_path / "b.zip")


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a file with flipped bits, most in its directory at the end, or cut off."""
    if chance.random() < 0.1:
        return content[: chance.randrange(len(content))]
    damaged = bytearray(content)
    for _ in range(chance.choice([1, 1, 4, 40])):
        first = chance.choice([0, max(0, len(content) - 1500)])
        damaged[chance.randrange(first, len(content))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


@pytest.mark.parametrize("tries", [150, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_damaged_bundle_answers_as_before_or_is_refused_in_one_sentence(
    artifacts: Path, bundle: Bundle, folder: Path, tmp_path: Path, tries: int
) -> None:
    chance, whole = random.Random(4), bundle.path.read_bytes()
    expected = open_predictor(artifacts).predict(ASKED)
    model, damaged = (folder / "model.keras").read_bytes(), tmp_path / "b.zip"
    for _ in range(tries):
        damaged.write_bytes(mutated(whole, chance))
        with contextlib.suppress(BadDataError):
            assert open_bundle(damaged).predict(ASKED) == expected
        (folder / "model.keras").write_bytes(mutated(model, chance))
        hashed_anew(folder)
        with contextlib.suppress(BadDataError):
            open_bundle(folder).predict(ASKED)


def test_weights_that_are_no_numbers_are_refused(folder: Path) -> None:
    import keras

    model = keras.models.load_model(folder / "model.keras")
    model.layers[-1].bias.assign([np.nan])
    model.save(folder / "model.keras")
    hashed_anew(folder)
    with pytest.raises(BadDataError, match="holds NaN or infinite weights"):
        open_bundle(folder)
    with pytest.raises(BadDataError, match="holds NaN or infinite weights"):
        keras_network(folder / "model.keras")


def test_a_folder_and_a_zip_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDataError, match=r"is no bundle: it has no bundle\.json"):
        open_bundle(tmp_path)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(BadDataError, match=r"is no bundle: it has no bundle\.json"):
        open_bundle(tmp_path / "b.zip")
    with pytest.raises(BadDataError, match="there is no such bundle"):
        open_bundle(tmp_path / "none.zip")


def test_forms_that_do_not_agree_are_not_exported(
    artifacts: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = folder / "saved_model"

    def off(folder: Path, texts: list[str]) -> pa.RecordBatch:
        answers = saved_model_answers(folder, texts)
        wrong = pc.if_else(pc.equal(answers["label"], "positive"), "negative", "positive")
        return answers.set_column(0, "label", wrong)

    monkeypatch.setattr(module, "write_text_graph", lambda _, to: shutil.copytree(exported, to))
    monkeypatch.setattr(module, "saved_model_answers", off)
    with pytest.raises(ExportError, match=r"differ from the trained model: saved_model by 0\.\d+"):
        export_bundle(find_run(artifacts, "latest"), tmp_path / "other")
    assert list(tmp_path.iterdir()) == [folder]


def test_a_bundle_of_the_command_answers_by_the_command_and_is_not_written_over(
    artifacts: Path, bundle: Bundle, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle.sha256 == file_sha256(folder / "bundle.json")
    words = ["a fine film", "--print-as=jsonl", f"--bundle={folder}", f"--sha256={bundle.sha256}"]
    with pytest.MonkeyPatch.context() as patch:
        out = io.BytesIO()
        patch.setattr(sys, "stdout", io.TextIOWrapper(out, write_through=True))
        main(predict.app, words)
        assert json.loads(out.getvalue())["error"] is None
    with pytest.raises(SystemExit):
        main(predict.app, [*words[:-1], "--sha256=0000"])
    with pytest.raises(SystemExit):
        main(runs.app, ["export", "bundle", "latest", str(folder), f"--artifacts={artifacts}"])
    shown = capsys.readouterr().err
    assert "is not the bundle that was requested" in shown
    assert "is there already" in shown


@pytest.mark.slow
def test_all_forms_agree_on_a_thousand_real_reviews(tmp_path: Path) -> None:
    file = write_real_reviews(tmp_path / "reviews.csv", 2000)
    data = DataConfig(test_fraction=0.5)
    test = write_sets(file, tmp_path, data, TextConfig()) / "test.parquet"
    config = small_config(file).model_copy(update={"text": TextConfig(), "data": data})
    sizes = ConvBilstmConfig(embedding_dim=24, filters=16, lstm_units=16, last_lstm_units=8)
    network = build_network(config.text.num_words, config.text.maxlen, sizes)
    lively(network, scale=0.5).save(tmp_path / "model.keras")
    run = make_run(tmp_path / "artifacts")
    for name, content in {
        "config.json": readable_json(config.model_dump(mode="json")).encode(),
        "vocabulary.json": (tmp_path / "loaded/vocabulary.json").read_bytes(),
        "best_model.keras": (tmp_path / "model.keras").read_bytes(),
    }.items():
        run = rewritten(run, name, content)

    trained = keras_network(run.folder / "best_model.keras")(padded_tokens(test))
    assert len(trained) >= 1000
    assert trained.std() > 0.03
    order = pq.read_table(test)["review_id"]
    texts = pacsv.read_csv(file)["text"].take(order).to_pylist()
    export_bundle(run, tmp_path / "bundle.zip")
    bundle = open_bundle(tmp_path / "bundle.zip")
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extractall(tmp_path / "bundle")
    graph = (tmp_path / "bundle/model.onnx").read_bytes()
    for answers in (
        open_predictor(tmp_path / "artifacts").predict(texts),
        bundle.predict(texts),
        saved_model_answers(tmp_path / "bundle/saved_model", texts),
        Predictor(bundle.model, onnx_network(graph)).predict(texts),
    ):
        own, is_one = answers["probability"].to_numpy(), np.array(answers["label"]) == "positive"
        found = np.where(is_one, own, 1 - own)
        np.testing.assert_allclose(found, trained, atol=TOLERANCE, rtol=0)


def test_all_forms_of_a_bundle_answer_by_the_cut_of_the_run(tmp_path: Path) -> None:
    run = make_model_run(tmp_path / "artifacts")
    cut = 0.75
    run = changed_json(run, "metrics.json", {"cost": {"fp": 5, "fn": 1, "cut": cut}})
    exported = tmp_path / "bundle"
    export_bundle(run, exported)
    expected = open_bundle(exported).predict(WORDS).to_pydict()
    assert {*expected["label"]} == {"negative", "positive"}
    by_graph = saved_model_answers(exported / "saved_model", WORDS).to_pydict()
    by_loader = loader_alone(exported, *WORDS)
    assert by_graph["label"] == expected["label"]
    assert by_graph["probability"] == pytest.approx(expected["probability"], abs=TOLERANCE)
    lines = [line.split("\t")[0] for line in by_loader.stdout.splitlines()]
    assert lines == expected["label"]
