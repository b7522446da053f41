import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.common.errors import BadDataError
from tasks.model.keras_archive import read_keras_archive
from tasks.model.network import folded_network, keras_network, open_network
from tasks.model.onnx_graph import NotFoldableError
from tests.support.made_models import small_model, small_network, with_parts, write_trap


def tokens(rows: int, maxlen: int, num_words: int = 40) -> np.ndarray:
    random = np.random.default_rng(1)
    ids = random.integers(0, num_words, (rows, maxlen), np.int32)
    for row in range(0, rows, 2):
        ids[row, : random.integers(0, maxlen + 1)] = 0
    return ids


@pytest.mark.parametrize(
    ("maxlen", "sizes"),
    [
        (12, {}),
        (12, {"classes": 5}),
        (13, {"kernel_size": 1, "pool_size": 1}),
        (20, {"kernel_size": 5, "pool_size": 4, "lstm_units": 7, "last_lstm_units": 1}),
        (9, {"kernel_size": 6, "pool_size": 4, "filters": 1, "embedding_dim": 1}),
    ],
)
def test_the_folded_network_gives_the_probabilities_of_keras(
    tmp_path: Path, maxlen: int, sizes: dict[str, int]
) -> None:
    file = tmp_path / "model.keras"
    small_network(maxlen, **sizes).save(file)
    asked = tokens(70, maxlen)
    ours, keras = folded_network(file)(asked), keras_network(file)(asked)
    assert keras.std() > 0.001
    np.testing.assert_allclose(ours, keras, atol=1e-6)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "model.keras").write_bytes(small_model())
    return tmp_path / "model.keras"


def test_no_rows_give_no_probabilities(file: Path) -> None:
    assert open_network(file)(tokens(0, 12)).shape == (0,)


def changed(file: Path, name: str, **changes: Any) -> Path:
    """Return a model's file with other settings of the layer `name`."""
    config = read_keras_archive(file).config
    (layer,) = (part for part in config["config"]["layers"] if part["config"]["name"] == name)
    layer["config"] |= changes
    content = json.dumps(config).encode()
    return with_parts(file, file.with_name("changed.keras"), config_json=content)


@pytest.mark.parametrize(
    ("layer", "changes", "reason"),
    [
        ("embedding", {"mask_zero": True}, "embedding has mask_zero=True"),
        ("convolution", {"activation": "tanh"}, "convolution has activation='tanh'"),
        ("convolution", {"padding": "same"}, "convolution has padding='same'"),
        ("pooling", {"strides": [1]}, r"pooling has strides=\[1\]"),
        ("probability", {"activation": "tanh"}, "probability has activation='tanh'"),
    ],
)
def test_no_other_is_folded(file: Path, layer: str, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotFoldableError, match=reason):
        folded_network(changed(file, layer, **changes))


def test_a_layer_that_only_has_the_name_of_keras_own_is_not_folded(file: Path) -> None:
    config = read_keras_archive(file).config
    (layer,) = (part for part in config["config"]["layers"] if part["class_name"] == "Dense")
    layer["module"] = "my_net"
    other = with_parts(file, file.with_name("other.keras"), config_json=json.dumps(config).encode())
    with pytest.raises(NotFoldableError, match="layers that are not Keras's own"):
        folded_network(other)


def test_another_network_is_computed_by_keras(file: Path) -> None:
    other = changed(file, "convolution", activation="tanh")
    asked = tokens(5, 12)
    np.testing.assert_array_equal(open_network(other)(asked), keras_network(other)(asked))
    assert not np.allclose(keras_network(other)(asked), keras_network(file)(asked))


def test_other_layers_are_named(tmp_path: Path) -> None:
    import keras

    file = tmp_path / "model.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save(file)
    with pytest.raises(NotFoldableError, match="the model has the layers InputLayer, Dense"):
        folded_network(file)


def test_a_lambda_layer_with_code_is_refused(tmp_path: Path) -> None:
    trap = write_trap(tmp_path / "model.keras")
    with pytest.raises(BadDataError, match="was not loaded: Keras's safe mode refuses it"):
        open_network(tmp_path / "model.keras")
    assert not trap.exists()
