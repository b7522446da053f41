"""What is asked of every architecture; a new one in the registry is asked the same."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from tasks.check_network import tried_guarantees
from tasks.config.training import NETWORKS, Architecture, NetworkConfig, NgramBagConfig
from tasks.model.architectures import ARCHITECTURES
from tasks.model.build import build_model, build_network
from tasks.model.describe import network_title
from tasks.model.keras_archive import read_keras_archive
from tasks.model.model_hash import model_hash
from tasks.model.network import keras_network
from tasks.model.ngrams.bag import prepare_ngram_bag
from tasks.reports.model_card import model_card
from tasks.runs.read import read_checked, read_config
from tests.support.made_models import make_model_run

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

# Other test files kill, resume, export and predict with both; the user's own network of
# tests/flows/cli/test_check_network.py is asked all of it always.
LONG = dict.fromkeys(("conv_bilstm", "ngram_bag"), pytest.mark.slow)


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


@pytest.fixture(scope="module", params=ALL)
def built(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    build_model(NUM_WORDS, MAXLEN, sizes(request.param), 0, folder)
    return folder / "initial_model.keras"


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


@pytest.mark.parametrize("name", [pytest.param(one, marks=LONG.get(one, ())) for one in ALL])
def test_it_holds_all_that_is_promised_of_a_network(name: Architecture) -> None:
    found = list(tried_guarantees(sizes(name), 48))
    assert [one for one in found if not one.holds] == []
    assert len(found) == 7
    (forms,) = [one.seen for one in found if one.name == "all forms of a bundle agree"]
    assert "model.onnx" in forms


def test_its_file_names_no_code_but_that_of_keras(built: Path) -> None:
    modules = set(named_modules(read_keras_archive(built).config))
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
def test_its_file_loads_without_our_code(built: Path, tmp_path: Path) -> None:
    tokens, _ = batch()
    np.save(tmp_path / "tokens.npy", tokens)
    code = (
        "import sys, keras, numpy as np\n"
        "model = keras.models.load_model(sys.argv[1], compile=False, safe_mode=True)\n"
        "np.save('found', model.predict(np.load('tokens.npy'), verbose=0))\n"
        "assert not {'tasks', 'flows'} & {name.partition('.')[0] for name in sys.modules}\n"
    )
    program = [sys.executable, "-I", "-c", code, str(built)]
    subprocess.run(program, check=True, cwd=tmp_path)
    here = keras_network(built)(tokens)
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy")[:, 0], here)


@pytest.mark.parametrize("name", ALL)
def test_the_model_card_tells_the_architecture(name: Architecture, tmp_path: Path) -> None:
    run = make_model_run(tmp_path)
    config = read_config(run).model_copy(update={"network": sizes(name)})
    metrics = read_checked(run, "metrics.json")
    card = model_card(run.manifest, metrics, config, ["negative", "positive"])
    assert f"# {network_title(sizes(name))} sentiment classifier" in card
    assert ("bidirectional LSTMs" in card) == (name == "conv_bilstm")
    assert ("log-count ratio" in card) == (name == "ngram_bag")


def test_the_tables_of_the_ngram_bag_are_part_of_its_hash() -> None:
    network = sizes("ngram_bag")
    model = build_network(NUM_WORDS, MAXLEN, network)
    before = model_hash(model)
    assert isinstance(network, NgramBagConfig)
    prepare_ngram_bag(model, [batch()], network)
    assert model_hash(model) != before
