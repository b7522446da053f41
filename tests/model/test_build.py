import logging
import random
import threading
from itertools import combinations
from pathlib import Path

import pytest

from tasks.config.training import ConvBilstmConfig, NgramBagConfig
from tasks.model import build
from tasks.model.build import build_model, build_network, with_own_seeds
from tasks.model.model_hash import model_hash, weights_hash
from tests.support.small_run import BAG

SMALL = ConvBilstmConfig(embedding_dim=4, filters=4, lstm_units=3, last_lstm_units=2)


def test_the_default_network_has_the_tutorials_shapes_and_parameters() -> None:
    model = build_network(10_000, 200, ConvBilstmConfig())
    shapes = {layer.name: tuple(layer.output.shape) for layer in model.layers}
    assert shapes["embedding"] == (None, 200, 200)
    assert shapes["convolution"] == (None, 196, 64)
    assert shapes["pooling"] == (None, 49, 64)
    assert shapes["first_bidirectional"] == (None, 49, 128)
    assert shapes["last_bidirectional"] == (None, 64)
    assert shapes["probability"] == (None, 1)
    assert model.count_params() == 2_171_393
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == [
        "Embedding",
        "Dropout",
        "Conv1D",
        "MaxPooling1D",
        "Bidirectional",
        "Dropout",
        "Bidirectional",
        "Dense",
    ]


def test_one_field_feeds_the_vocabulary_and_the_embedding() -> None:
    assert build_network(50, 20, SMALL).get_layer("embedding").input_dim == 50


def test_the_smallest_allowed_length_gives_one_step_to_the_recurrent_layers() -> None:
    network = SMALL.model_copy(update={"kernel_size": 5, "pool_size": 4})
    assert tuple(build_network(50, 8, network).get_layer("pooling").output.shape) == (None, 1, 4)


def test_the_saved_network_is_the_built_one(tmp_path: Path) -> None:
    import keras

    facts = build_model(50, 20, SMALL, 0, tmp_path)
    loaded = keras.models.load_model(tmp_path / "initial_model.keras", compile=False)
    assert model_hash(loaded) == facts["model_hash"]
    assert loaded.count_params() == facts["parameters"]
    assert "convolution" in (tmp_path / "model_summary.txt").read_text()


def test_a_network_whose_training_takes_much_memory_says_so_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    build_model(50, 20, BAG, 0, tmp_path, classes=20)
    assert not caplog.records
    monkeypatch.setattr(build, "MUCH", 0)
    build_model(50, 20, BAG, 0, tmp_path, classes=20)
    assert (
        "GB of memory for its 20 labels, and each of its models 0.0 GB on the disk" in caplog.text
    )


@pytest.mark.parametrize(("labels", "fewer"), [(20, 2**19), (80, 2**17)])
def test_a_large_table_of_ngrams_is_told_before_it_is_written_with_a_number_that_takes_less(
    labels: int, fewer: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    network = NgramBagConfig()

    def parameters(buckets: int) -> int:
        return buckets * (1 + 2 * labels)

    build._warn_of_size(parameters(network.ngram_buckets), network, labels)
    size = parameters(network.ngram_buckets) * 4 / 1e9
    assert f"{labels} labels, and each of its models {size:.1f} GB on the disk" in caplog.text
    assert f"; --ngram-buckets {fewer} takes less than 1 GB" in caplog.text
    assert 0.4e9 < parameters(fewer) * 28 < 1e9


def test_one_changed_weight_changes_the_hash() -> None:
    model = build_network(50, 20, SMALL)
    before = weights_hash(model)
    kernel = model.get_layer("probability").kernel
    kernel.assign(kernel.numpy() + 1e-6)
    assert weights_hash(model) != before


def test_equal_seeds_alone_give_equal_weights_whatever_a_thread_draws(tmp_path: Path) -> None:
    def draw() -> None:
        while not built.is_set():
            random.random()

    alone, other = (build_model(50, 20, SMALL, seed, tmp_path)["model_hash"] for seed in (0, 1))
    built = threading.Event()
    thread = threading.Thread(target=draw)
    thread.start()
    beside = build_model(50, 20, SMALL, 0, tmp_path)["model_hash"]
    built.set()
    thread.join()
    assert alone == beside != other


def test_no_two_first_weights_of_one_shape_are_equal() -> None:
    model = with_own_seeds(build_network(50, 20, SMALL), 0)
    kernels = [weight.numpy() for weight in model.weights if "kernel" in weight.path]
    pairs = [(a, b) for a, b in combinations(kernels, 2) if a.shape == b.shape]
    assert pairs
    assert not any((a == b).all() for a, b in pairs)
