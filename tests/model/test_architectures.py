"""What is asked of every architecture; a new one in the registry is asked the same."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

from tasks.common.canonical_json import readable_json
from tasks.config.training import NETWORKS, Architecture, FitConfig, NetworkConfig
from tasks.evaluation.evaluate import evaluate_model
from tasks.evaluation.scoring import score
from tasks.inference.bundle.export import export_bundle
from tasks.inference.open_model import open_predictor
from tasks.model.architectures import ARCHITECTURES
from tasks.model.build import build_model, build_network, with_own_seeds
from tasks.model.describe import network_title
from tasks.model.keras_archive import read_keras_archive
from tasks.model.model_hash import model_hash
from tasks.model.network import keras_network, open_network
from tasks.reports.model_card import model_card
from tasks.runs.find import Run
from tasks.runs.read import read_checked, read_config
from tasks.training.step import trained_form
from tests.support.made_models import make_model_run
from tests.support.made_runs import FIRST, rewritten
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


def batch(rows: int = 16) -> tuple[np.ndarray, np.ndarray]:
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


@dataclass(frozen=True)
class Trained:
    """What a training of one architecture left."""

    name: Architecture
    folder: Path
    facts: dict[str, Any]

    @property
    def model(self) -> Path:
        return self.folder / "best_model.keras"


@pytest.fixture(scope="module", params=ALL)
def trained(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Trained:
    folder = tmp_path_factory.mktemp("trained") / request.param
    return Trained(request.param, folder, train(request.param, prepared, folder))


def made_run(artifacts: Path, trained: Trained) -> Run:
    """Write a run whose model is a trained one."""
    run = make_model_run(artifacts)
    config = read_config(run).model_copy(update={"network": sizes(trained.name)})
    content = readable_json(config.model_dump(mode="json")).encode()
    run = rewritten(run, "config.json", content)
    return rewritten(run, "best_model.keras", trained.model.read_bytes())


def test_every_architecture_that_a_config_may_name_is_in_the_registry() -> None:
    assert {*ARCHITECTURES, "own"} == set(NETWORKS) == set(get_args(Architecture))


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
        prepare(model, [(tokens[:9], labels[:9]), (tokens[9:], labels[9:])], network)
    fit = FitConfig(learning_rate=0.05, batch_size=len(tokens))
    trained_form(model, "keras", fit).fit(
        tf.data.Dataset.from_tensors((tokens, labels)).repeat(60), verbose=0
    )
    found = score(np.asarray(model(tokens))[:, 0], labels[:, 0])
    assert found["accuracy"] == 1
    assert found["loss"] < 0.1


@pytest.mark.parametrize("trained", OTHERS, indirect=True)
def test_an_interrupted_training_ends_with_the_same_weights(
    trained: Trained, prepared: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    train(trained.name, prepared, tmp_path / "first", state, epochs=2)
    assert train(trained.name, prepared, tmp_path / "second", state) == trained.facts


def test_its_file_names_no_code_but_that_of_keras(trained: Trained) -> None:
    modules = set(named_modules(read_keras_archive(trained.model).config))
    assert modules
    assert {name.partition(".")[0] for name in modules} <= {"keras", "builtins"}


def named_modules(config: Any) -> Iterator[str]:
    """Yield all that a model's file has imported when it is loaded."""
    if isinstance(config, dict):
        if isinstance(config.get("module"), str):
            yield config["module"]
        yield from named_modules(list(config.values()))
    elif isinstance(config, list):
        for part in config:
            yield from named_modules(part)


@pytest.mark.slow
def test_its_file_loads_without_our_code(trained: Trained, prepared: Path, tmp_path: Path) -> None:
    tokens = padded_tokens(prepared / "test.parquet")
    np.save(tmp_path / "tokens.npy", tokens)
    code = (
        "import sys, keras, numpy as np\n"
        "model = keras.models.load_model(sys.argv[1], compile=False, safe_mode=True)\n"
        "np.save('found', model.predict(np.load('tokens.npy'), verbose=0))\n"
        "assert not {'tasks', 'flows'} & {name.partition('.')[0] for name in sys.modules}\n"
    )
    program = [sys.executable, "-I", "-c", code, str(trained.model)]
    subprocess.run(program, check=True, cwd=tmp_path)
    here = keras_network(trained.model)(tokens)
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy")[:, 0], here)


def test_it_serves_what_was_trained(trained: Trained, prepared: Path, tmp_path: Path) -> None:
    test = prepared / "test.parquet"
    described = {"protocol": "honest", "source": "files", "form": "files"}
    facts = evaluate_model(trained.model, test, 16, described, tmp_path)
    assert float(str(facts["accuracy"])) > 0.9
    tokens = padded_tokens(test)
    served, expected = open_network(trained.model)(tokens), keras_network(trained.model)(tokens)
    np.testing.assert_allclose(served, expected, atol=1e-5)


@pytest.mark.parametrize("trained", OTHERS, indirect=True)
def test_its_run_predicts_texts_and_goes_into_a_bundle(trained: Trained, tmp_path: Path) -> None:
    run = made_run(tmp_path, trained)
    predicted = open_predictor(tmp_path, FIRST).predict(["fine lovely film", "dull weak plot", ""])
    assert len(predicted) == 3
    bundle = export_bundle(run, tmp_path / "bundle", litert=True)
    assert set(bundle.differences) == {"saved_model", "model.tflite"}


def test_the_model_card_tells_the_architecture(trained: Trained, tmp_path: Path) -> None:
    run = made_run(tmp_path, trained)
    metrics = read_checked(run, "metrics.json")
    card = model_card(run.manifest, metrics, read_config(run), ["negative", "positive"])
    assert f"# {network_title(sizes(trained.name))} sentiment classifier" in card
    assert ("bidirectional LSTMs" in card) == (trained.name == "conv_bilstm")
    assert ("log-count ratio" in card) == (trained.name == "ngram_bag")


@pytest.mark.parametrize("trained", ["ngram_bag"], indirect=True)
def test_the_tables_of_the_ngram_bag_are_part_of_its_hash(trained: Trained) -> None:
    model = keras.models.load_model(trained.model, compile=False)
    assert model_hash(model) == trained.facts["best_model_hash"]
    ratios = model.get_layer("ratios").embeddings
    ratios.assign(ratios + 1)
    assert model_hash(model) != trained.facts["best_model_hash"]
