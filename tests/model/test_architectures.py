"""What is asked of every architecture; a new one in the registry is asked the same."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from tasks.common.canonical_json import readable_json
from tasks.common.device import CPU
from tasks.config.training import NETWORKS, Architecture, FitConfig, NetworkConfig
from tasks.evaluation.evaluate import evaluate_model
from tasks.inference.bundle.export import export_bundle
from tasks.inference.open_model import open_predictor
from tasks.model.architectures import ARCHITECTURES
from tasks.model.build import build_model, build_network, with_own_seeds
from tasks.model.model_hash import model_hash
from tasks.model.network import keras_network, open_network
from tasks.reports.model_card import DESCRIBED, model_card
from tasks.runs.find import Run
from tasks.runs.read import read_checked, read_config
from tasks.training.step import step_code, trained_form
from tests.support.made_models import WORDS
from tests.support.made_runs import FIRST, make_run, rewritten
from tests.support.review_samples import padded_tokens
from tests.support.small_run import train_small

NUM_WORDS, MAXLEN = 40, 12

SIZES: dict[Architecture, dict[str, Any]] = {
    "conv_bilstm": {
        "embedding_dim": 16,
        "dropout": 0.1,
        "filters": 16,
        "kernel_size": 3,
        "pool_size": 2,
        "lstm_units": 12,
        "last_lstm_units": 8,
    },
    "ngram_bag": {"ngram_buckets": 4096, "ngram_tail": 6, "ngram_smoothing": 1},
}

ALL = sorted(ARCHITECTURES)

# What other test files ask of the default architecture at length is not asked again.
OTHERS = [name for name in ALL if name != "conv_bilstm"]

FIT = FitConfig(epochs=4, batch_size=16, learning_rate=0.05)


def sizes(name: Architecture) -> NetworkConfig:
    return NETWORKS[name].model_validate(SIZES.get(name, {}))


def batch(rows: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Return padded reviews, and labels that nothing in them tells."""
    random = np.random.default_rng(0)
    tokens = random.integers(4, NUM_WORDS, (rows, MAXLEN)).astype(np.int32)
    tokens[:, 0] = 1
    for row, padded in enumerate(random.integers(0, MAXLEN // 2, rows)):
        tokens[row, :padded] = 0
    return tokens, (np.arange(rows) % 2)[:, None].astype(np.float32)


def train(
    name: Architecture, prepared: Path, folder: Path, state: Path | None = None, epochs: int = 4
) -> Any:
    folder.mkdir()
    network = sizes(name)
    build_model(NUM_WORDS, MAXLEN, network, 0, folder)
    fit = FIT.model_copy(update={"epochs": epochs})
    initial = folder / "initial_model.keras"
    return train_small(prepared, folder, fit, initial_model=initial, network=network, state=state)


@pytest.fixture(scope="module")
def trained(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Architecture, Path]:
    """Return a folder with `best_model.keras` for each architecture."""
    folders = {name: tmp_path_factory.mktemp("trained") / name for name in ALL}
    for name, folder in folders.items():
        train(name, prepared, folder)
    return folders


def made_run(artifacts: Path, name: Architecture, trained: dict[Architecture, Path]) -> Run:
    """Write a run whose model is a trained one."""
    run = make_run(artifacts, FIRST)
    config = read_config(run).model_copy(update={"network": sizes(name)})
    content = readable_json(config.model_dump(mode="json")).encode()
    run = rewritten(run, "config.json", content)
    ranks = {word: rank for rank, word in enumerate(WORDS, start=1)}
    run = rewritten(run, "vocabulary.json", readable_json(ranks).encode())
    return rewritten(run, "best_model.keras", (trained[name] / "best_model.keras").read_bytes())


def test_every_architecture_that_a_config_may_name_is_in_the_registry() -> None:
    assert set(ARCHITECTURES) == set(NETWORKS) == set(get_args(Architecture))


@pytest.mark.parametrize("name", ALL)
def test_ids_become_one_probability_for_each_review(name: Architecture) -> None:
    model = build_network(NUM_WORDS, MAXLEN, sizes(name))
    (source,), (target,) = model.inputs, model.outputs
    assert (source.shape, source.dtype) == ((None, MAXLEN), "int32")
    assert (target.shape, target.dtype) == ((None, 1), "float32")
    probabilities = model.predict(batch()[0], verbose=0)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


@pytest.mark.parametrize("name", ALL)
def test_it_learns_one_batch_by_heart(name: Architecture) -> None:
    tokens, labels = batch()
    network = sizes(name)
    model = with_own_seeds(build_network(NUM_WORDS, MAXLEN, network), 0)
    prepare = ARCHITECTURES[name].prepare
    if prepare is not None:
        prepare(model, [(tokens[:20], labels[:20]), (tokens[20:], labels[20:])], network)
    fit = FitConfig(learning_rate=0.05, batch_size=len(tokens))
    model = trained_form(model, step_code("auto", model, CPU), fit)
    model.fit(tokens, labels, batch_size=len(tokens), epochs=60, verbose=0)
    loss, accuracy = model.evaluate(tokens, labels, verbose=0)
    assert accuracy == 1
    assert loss < 0.1


@pytest.mark.parametrize("name", ALL)
def test_equal_seeds_give_equal_networks(name: Architecture, tmp_path: Path) -> None:
    hashes = {build_model(NUM_WORDS, MAXLEN, sizes(name), 3, tmp_path)["model_hash"] for _ in "ab"}
    assert len(hashes) == 1


@pytest.mark.parametrize("name", OTHERS)
def test_an_interrupted_training_ends_with_the_same_weights(
    name: Architecture, prepared: Path, tmp_path: Path
) -> None:
    whole = train(name, prepared, tmp_path / "whole")
    state = tmp_path / "state"
    train(name, prepared, tmp_path / "first", state, epochs=2)
    assert train(name, prepared, tmp_path / "second", state) == whole


def test_files_of_all_architectures_load_without_this_projects_code(
    trained: dict[Architecture, Path], prepared: Path, tmp_path: Path
) -> None:
    tokens = padded_tokens(prepared / "test.parquet")
    np.save(tmp_path / "tokens.npy", tokens)
    for name, folder in trained.items():
        shutil.copyfile(folder / "best_model.keras", tmp_path / f"{name}.keras")
    code = (
        "import sys; from pathlib import Path; import keras, numpy as np\n"
        "for file in Path().glob('*.keras'):\n"
        "    model = keras.models.load_model(file, compile=False, safe_mode=True)\n"
        "    np.save(file.stem, model.predict(np.load('tokens.npy'), verbose=0))\n"
        "assert not any(name.split('.')[0] in ('tasks', 'flows') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True, cwd=tmp_path)
    for name, folder in trained.items():
        here = keras_network(folder / "best_model.keras")(tokens)
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy")[:, 0], here)


@pytest.mark.parametrize("name", ALL)
def test_it_is_evaluated_and_served_as_it_was_trained(
    name: Architecture, trained: dict[Architecture, Path], prepared: Path, tmp_path: Path
) -> None:
    file = trained[name] / "best_model.keras"
    described = {"protocol": "honest", "source": "files", "form": "files"}
    facts = evaluate_model(file, prepared / "test.parquet", 16, described, tmp_path)
    assert float(str(facts["accuracy"])) > 0.9
    tokens = padded_tokens(prepared / "test.parquet")
    served, expected = open_network(file)(tokens), keras_network(file)(tokens)
    np.testing.assert_allclose(served, expected, atol=1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_its_run_predicts_texts_and_goes_into_a_bundle(
    name: Architecture, trained: dict[Architecture, Path], tmp_path: Path
) -> None:
    run = made_run(tmp_path, name, trained)
    predicted = open_predictor(tmp_path, FIRST).predict(["fine lovely film", "dull weak plot", ""])
    assert len(predicted) == 3
    bundle = export_bundle(run, tmp_path / "bundle", litert=True)
    assert set(bundle.differences) == {"saved_model", "model.tflite"}


@pytest.mark.parametrize("name", ALL)
def test_the_model_card_tells_the_architecture(
    name: Architecture, trained: dict[Architecture, Path], tmp_path: Path
) -> None:
    run = made_run(tmp_path, name, trained)
    metrics = read_checked(run, "metrics.json")
    card = model_card(run.manifest, metrics, read_config(run), ["negative", "positive"])
    assert f"# {DESCRIBED[name].title} sentiment classifier" in card
    assert ("bidirectional LSTMs" in card) == (name == "conv_bilstm")
    assert ("log-count ratio" in card) == (name == "ngram_bag")


def test_the_tables_of_the_ngram_bag_are_part_of_its_hash(prepared: Path, tmp_path: Path) -> None:
    import keras

    first = train("ngram_bag", prepared, tmp_path / "a", epochs=1)
    model = keras.models.load_model(tmp_path / "a/best_model.keras", compile=False)
    assert model_hash(model) == first["best_model_hash"]
    ratios = model.get_layer("ratios").embeddings
    ratios.assign(ratios + 1)
    assert model_hash(model) != first["best_model_hash"]
    assert json.loads((tmp_path / "a/history.json").read_text())["val_loss"]
