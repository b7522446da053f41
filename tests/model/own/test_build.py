"""What a user's network is refused for, before any training, and what it is told to do."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from tasks.common.errors import NetworkError
from tasks.config.training import OwnNetworkConfig
from tasks.model.build import KnownReviews, build_users_model
from tasks.model.network import keras_model
from tasks.model.own.archive import code_in
from tasks.model.own.build import build_own_network, probes
from tasks.model.own.code import NetworkCode, read_network_code
from tasks.model.own.network_input import NetworkInput
from tasks.model.own.trust import TRUSTED, trust_code

pytestmark = pytest.mark.usefixtures("nothing_trusted")

WORDS = (None, None, None, None, *(f"word{number}" for number in range(26)))

DATA = NetworkInput(num_words=30, maxlen=9, classes=2, seed=3, words=WORDS)

HEAD = """import random
import keras, numpy as np, tensorflow as tf
from keras import layers, ops

def ends(data, *middle, start=None):
    tokens = keras.Input((data.maxlen,), dtype="int32") if start is None else start
    vectors = layers.Embedding(data.num_words, 4)(tokens)
    for layer in middle:
        vectors = layer(vectors)
    mean = layers.GlobalAveragePooling1D()(vectors)
    return keras.Model(tokens, layers.Dense(data.outputs, activation=data.activation)(mean))
"""

GOOD = "def build(data):\n    return ends(data, layers.Dropout(0.5))\n"

DISTURBED = """
import itertools
calls = itertools.count()

def build(data):
    [random.random() for _ in range(next(calls))]  # as another thread may, at any time
    return ends(data, layers.Dropout(0.5))
"""

OWN_LAYER = """
@keras.saving.register_keras_serializable()
class Scaled(layers.Layer):
    def __init__(self, factor, **rest):
        super().__init__(**rest)
        self.factor = factor
    def call(self, x):
        return scaled(x, self.factor)
    def get_config(self):
        return super().get_config() | {"factor": self.factor}

def scaled(x, factor):
    return x * factor

class Noise(layers.Layer):
    def __init__(self, **rest):
        super().__init__(**rest)
        self.seed_generator = keras.random.SeedGenerator(3)
    def call(self, x, training=False):
        return x + keras.random.normal(ops.shape(x), seed=self.seed_generator) if training else x

def build(data, factor: float = 2.0):
    return ends(data, Scaled(factor), Noise(), layers.Activation(scaled_by_three))

def scaled_by_three(x):
    return scaled(x, 3.0)
"""


OWN_FUNCTION = (
    "def twice(x):\n    return 2.0 * x\n"
    "def build(data):\n    return ends(data, layers.Activation(twice))\n"
)


def layer(call: str, init: str = "", config: str = "") -> str:
    """Return a source whose network has a layer of its own."""
    return (
        "class Mine(layers.Layer):\n"
        f"    def __init__(self{', factor=2.0' if init else ''}, **rest):\n"
        f"        super().__init__(**rest)\n        {init or 'pass'}\n"
        f"    def call(self, x, training=False):\n        {call}\n{config}"
        "def build(data):\n    return ends(data, Mine())\n"
    )


def code_of(folder: Path, source: str, option: str | None = None) -> NetworkCode:
    file = folder / "my_net.py"
    file.write_text(HEAD + source)
    network = OwnNetworkConfig(network=f"{file}:build", network_option=option)
    code = read_network_code(network)
    trust_code(code.sha256)
    return code


END = "end with keras.layers.Dense(data.outputs, activation=data.activation)"

INPUT = (
    "has the input shapes …: must have one input of (None, 9), as keras.Input((data.maxlen,),"
    " dtype='int32') gives"
)

UNREADABLE = (
    "cannot be read from its file again; each own layer must pass **options of its __init__ on to"
    " super().__init__ and return all others in get_config"
    " (https://keras.io/guides/making_new_layers_and_models_via_subclassing/), and a lambda must"
    " become a function: …"
)

GLOBAL_NUMBERS = (
    "draws global random numbers in training, so that a resumed training would be another one:"
    " give the layer that draws them a keras.random.SeedGenerator of its own"
)

TOO_FEW_IDS = (
    "def build(data):\n    tokens = keras.Input((data.maxlen,))\n"
    "    x = layers.Flatten()(layers.Embedding(5, 4)(tokens))\n"
    "    return keras.Model(tokens, layers.Dense(1, activation='sigmoid')(x))\n"
)

NO_GRADIENT = (
    "@tf.custom_gradient\n"
    "def odd(x):\n    def gradient(_):\n        raise ValueError('not known')\n"
    "    return tf.identity(x), gradient\n"
) + layer("return odd(x)")

NO_OPTIONS = layer("return x").replace("self, **rest", "self").replace("**rest", "")

REFUSED = [
    ("import absent_module\n" + GOOD, "cannot be imported: …"),
    ("def build(data):\n    return 1 / 0\n", "cannot be built: …"),
    ("def build(data):\n    return 7\n", "is a …: the function must return a keras.Model"),
    (
        "class Own(keras.Model):\n    pass\ndef build(data):\n    return Own()\n",
        "is of an own model class, …: return keras.Model(inputs, outputs) or a keras.Sequential,"
        " so that it can be read again",
    ),
    ("def build(data):\n    return keras.Sequential([layers.Dense(1)])\n", INPUT),
    ("def build(data):\n    return ends(data, start=keras.Input((8,)))\n", INPUT),
    (
        "def build(data):\n    model = ends(data)\n    model.compile(loss='mse')\n"
        "    return model\n",
        "is compiled: leave that out; the options of the training say optimizer and loss",
    ),
    (
        "def build(data):\n    model = ends(data)\n"
        "    return keras.Model(model.inputs, layers.Dense(2)(model.outputs[0]))\n",
        f"has the output shapes …: must be (None, 1) for 2 labels; {END}",
    ),
    (
        "def build(data):\n    model = ends(data)\n"
        "    return keras.Model(model.inputs, 3 + model.outputs[0])\n",
        f"answers …, which is no probability: {END}",
    ),
    (
        layer("return x / ops.zeros_like(x)"),
        "answers NaN or infinity before any training: look for a division by zero, as of a mean"
        " over no word, or a logarithm of 0",
    ),
    (TOO_FEW_IDS, "cannot answer: …"),
    (
        "def build(data):\n    model = ends(data)\n"
        "    model.layers[-1].bias.assign(np.random.default_rng().random(1))\n"
        "    return model\n",
        "begins with other weights each time, with the same seed, in …: draw random numbers by"
        " Keras's initializers, or by numpy.random.default_rng(data.seed)",
    ),
    (
        layer("return x * self.factor", "self.factor = float(np.random.default_rng().random())"),
        "is another one once it was saved and read again: each own layer must keep all that it"
        " computes with in its weights or its get_config",
    ),
    (
        layer("return x", "self.factor = factor").replace("Mine()", "Mine(lambda x: x)"),
        "cannot be saved; give each own layer a get_config: …",
    ),
    (
        layer(
            "return x * self.factor",
            "self.factor = factor",
            "    def get_config(self):\n        return super().get_config()\n",
        )
        .replace("def __init__(self, factor=2.0,", "def __init__(self, factor,")
        .replace("Mine()", "Mine(3.0)"),
        UNREADABLE,
    ),
    (NO_OPTIONS, UNREADABLE),
    ("def build(data):\n    return ends(data, layers.Lambda(lambda x: x * 2))\n", UNREADABLE),
    ("def build(data):\n    return ends(data, layers.Activation(lambda x: x * 2))\n", UNREADABLE),
    (layer("return x + keras.random.normal(ops.shape(x)) if training else x"), GLOBAL_NUMBERS),
    (layer("return x + tf.random.normal(tf.shape(x)) if training else x"), GLOBAL_NUMBERS),
    (layer("return x * random.random() if training else x"), GLOBAL_NUMBERS),
    (layer("return x[0, 1, 2, 3, 4] if training else x"), "cannot answer in training: …"),
    (
        layer("return ops.sqrt(ops.abs(x - x)) if training else x"),
        "has a first loss or gradient that is no number…: look for a division by zero or a"
        " logarithm of 0",
    ),
    (NO_GRADIENT, "cannot be trained: …"),
]


@pytest.mark.parametrize(("source", "sentence"), REFUSED)
def test_what_would_break_a_promise_is_refused(tmp_path: Path, source: str, sentence: str) -> None:
    code = code_of(tmp_path, source)
    with pytest.raises(NetworkError) as raised:
        build_own_network(code, DATA, tmp_path / "model.keras")
    expected = re.escape(f"the network my_net.py:build {sentence}").replace("…", ".*")
    assert re.fullmatch(expected, str(raised.value))


def test_the_docs_list_each_sentence() -> None:
    page = (Path(__file__).parents[3] / "docs/own_network.md").read_text()
    rows = re.findall(r"^\| `the network my_net.py:build (.+?)` \|", page, re.MULTILINE)
    assert sorted(rows) == sorted({sentence for _, sentence in REFUSED})


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (TOO_FEW_IDS, r"InvalidArgumentError: indices\[\d,\d\] = \d+ is not in \[0, 5\)"),
        (
            NO_OPTIONS,
            r"TypeError: Mine.__init__\(\) got an unexpected keyword argument 'trainable'",
        ),
    ],
)
def test_the_reason_is_told_without_what_keras_puts_around_it(
    tmp_path: Path, source: str, reason: str
) -> None:
    with pytest.raises(NetworkError, match=f": {reason}"):
        build_own_network(code_of(tmp_path, source), DATA, tmp_path / "model.keras")


def test_the_line_of_a_mistake_is_named(tmp_path: Path) -> None:
    code = code_of(tmp_path, "def build(data):\n    return 1 / 0\n")
    line = len(HEAD.splitlines()) + 2
    with pytest.raises(NetworkError, match=rf"\(my_net.py, line {line}\)$"):
        build_own_network(code, DATA, tmp_path / "model.keras")


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("source", [GOOD, DISTURBED, OWN_LAYER, OWN_FUNCTION])
def test_equal_seeds_give_equal_networks_of_any_number_of_labels(
    tmp_path: Path, source: str, classes: int
) -> None:
    vocabulary = tmp_path / "vocabulary.json"
    vocabulary.write_text('{"good": 1, "bad": 2}')
    code = code_of(tmp_path, source)
    hashes = []
    for number, seed in enumerate((3, 3, 4)):
        folder = tmp_path / str(number)
        folder.mkdir()
        reviews = KnownReviews(Path("unread"), vocabulary, num_words=30, maxlen=9, classes=classes)
        facts = build_users_model(code, reviews, seed, folder)
        hashes.append(facts["model_hash"])
        assert "my_net" not in str(folder)
        assert (folder / "model_summary.txt").stat().st_size > 100
    assert hashes[0] == hashes[1] != hashes[2]
    assert code_in(tmp_path / "0/initial_model.keras") == code


@pytest.mark.parametrize(("source", "option"), [(OWN_LAYER, "factor=3"), (OWN_FUNCTION, None)])
def test_own_code_runs_where_it_is_trusted_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, option: str | None
) -> None:
    code = code_of(tmp_path, source, option)
    file = tmp_path / "model.keras"
    model = build_own_network(code, DATA, file)
    tokens = probes(DATA)
    expected = model.predict(tokens, verbose=0)
    assert np.array_equal(keras_model(file).predict(tokens, verbose=0), expected)
    monkeypatch.setenv(TRUSTED, "")
    with pytest.raises(NetworkError, match=f"--trust-code {code.sha256}"):
        keras_model(file)


def test_a_network_of_keras_own_layers_needs_no_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "model.keras"
    build_own_network(code_of(tmp_path, GOOD), DATA, file)
    monkeypatch.setenv(TRUSTED, "")
    assert isinstance(keras_model(file), keras.Model)


def test_two_states_of_the_same_file_do_not_mix(tmp_path: Path) -> None:
    tokens, answers = probes(DATA), []
    for factor in ("3.0", "5.0"):
        source = OWN_LAYER.replace("scaled(x, 3.0)", f"scaled(x, {factor})")
        file = tmp_path / f"{factor}.keras"
        model = build_own_network(code_of(tmp_path, source), DATA, file)
        answers.append(model.predict(tokens, verbose=0))
    assert not np.array_equal(*answers)
    for factor, expected in zip(("3.0", "5.0"), answers, strict=True):
        found = keras_model(tmp_path / f"{factor}.keras").predict(tokens, verbose=0)
        assert np.array_equal(found, expected)
