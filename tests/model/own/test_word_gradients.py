"""Integrated gradients on networks of which the answer is known, and on those of the project."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from scipy.stats import spearmanr

from tasks.common.errors import NetworkError
from tasks.model.network import word_gradients
from tasks.model.ngrams.table import WordParts
from tasks.model.own import word_gradients as module
from tasks.model.own.word_gradients import GAP, WordGradients
from tests.support.made_models import lively, small_model

MAXLEN, NUM_WORDS = 8, 20

TOKENS = np.array(
    [
        [0, 0, 1, 4, 5, 5, 2, 6],
        [7, 8, 9, 10, 11, 12, 13, 14],
        [0] * 7 + [1],
        [1, 4, 0, 0, 5, 0, 0, 0],
    ],
    np.int32,
)


def built(*behind: layers.Layer, classes: int = 2, **embedding: Any) -> keras.Model:
    """Return a network of an embedding with lively weights, these layers and the last one."""
    last = layers.Dense(1, "sigmoid") if classes == 2 else layers.Dense(classes, "softmax")
    first = layers.Embedding(NUM_WORDS, 3, **embedding)
    return lively(keras.Sequential([keras.Input((MAXLEN,), dtype="int32"), first, *behind, last]))


def log_odds(network: keras.Model, tokens: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return what the network says of the answers, from its probabilities."""
    given = network.predict(tokens, verbose=0).astype(np.float64)
    of_each = np.hstack([1 - given, given]) if given.shape[1] == 1 else given
    sure = of_each[np.arange(len(tokens)), said]
    return np.asarray(np.log(sure / (1 - sure)))


def require_complete(parts: WordParts, expected: np.ndarray) -> None:
    found = parts.base + parts.of_tokens.sum(axis=1)
    np.testing.assert_allclose(found, expected, atol=GAP + 1e-3)
    np.testing.assert_allclose(parts.gap, np.abs(found - expected), atol=1e-3)


def test_of_a_mean_of_words_that_are_no_padding_the_parts_are_exact() -> None:
    network = built(layers.GlobalAveragePooling1D(), mask_zero=True)
    vectors, kernel, bias = network.get_weights()
    parts = WordGradients(network, 1024)(TOKENS, np.array([1, 0, 1, 1]))
    ways = (vectors[TOKENS] - vectors[0]) @ kernel[:, 0]
    shares = (TOKENS > 1) / np.maximum((TOKENS > 0).sum(axis=1, keepdims=True), 1)
    signs = np.array([1, -1, 1, 1])
    np.testing.assert_allclose(parts.of_tokens, signs[:, None] * ways * shares, atol=1e-5)
    np.testing.assert_allclose(parts.gap, 0, atol=1e-5)
    assert parts.base[2] == pytest.approx(vectors[1] @ kernel[:, 0] + bias[0], abs=1e-5)


@pytest.mark.parametrize(("classes", "few"), [(2, 0), (2, 100), (5, 100)])
def test_the_parts_of_the_tutorials_network_make_the_log_odds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: int, few: int
) -> None:
    monkeypatch.setattr(module, "_FEW_TEXTS", few)
    file = tmp_path / "model.keras"
    file.write_bytes(small_model(classes))
    tokens = np.pad(TOKENS[:2], ((0, 0), (4, 0)))
    said = np.array([0, classes - 1])
    parts = word_gradients(file)(tokens, said)
    require_complete(parts, log_odds(keras.models.load_model(file), tokens, said))
    assert np.abs(parts.of_tokens[tokens > 1]).min() > 0
    assert not parts.of_tokens[tokens <= 1].any()


class Placed(layers.Layer):  # type: ignore[misc]
    """Words and places, looked up inside a layer."""

    def __init__(self) -> None:  # noqa: D107
        super().__init__()
        self.words = layers.Embedding(NUM_WORDS, 3)
        self.places = layers.Embedding(MAXLEN, 3)

    def call(self, tokens: Any) -> Any:
        return self.words(tokens) + self.places(keras.ops.arange(MAXLEN))


def test_words_are_found_inside_an_own_layer_and_places_are_no_words() -> None:
    tokens = keras.Input((MAXLEN,))  # of floats, as some take them
    hidden = layers.Dense(4, "tanh")(layers.Flatten()(Placed()(tokens)))
    answer = layers.Activation("softmax")(layers.Dense(3)(hidden))
    network = lively(keras.Model(tokens, answer), 0.5)
    said = np.array([2, 1, 0, 1])
    expected = log_odds(network, TOKENS, said)
    parts = WordGradients(network, 1024)(TOKENS, said)
    require_complete(parts, expected)
    assert not parts.of_tokens[TOKENS <= 1].any()


def test_a_line_that_is_followed_too_coarsely_is_followed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FEWEST_STEPS", 1)
    said = np.zeros(len(TOKENS), int)
    coarse, fine = (
        WordGradients(built(layers.Flatten(), layers.Dense(4, "tanh")), steps)(TOKENS, said)
        for steps in (1, 1024)
    )
    assert coarse.gap.max() > GAP
    assert fine.gap.max() <= GAP


def test_what_a_trained_network_is_told_to_add_agrees_with_leaving_words_out() -> None:
    keras.utils.set_random_seed(0)
    convolution = layers.Conv1D(8, 3, activation="relu", padding="same")
    network = built(convolution, layers.GlobalMaxPooling1D())
    network.set_weights([weights / 3 for weights in network.get_weights()])
    tokens = np.random.default_rng(0).integers(4, NUM_WORDS, (400, MAXLEN), np.int32)
    is_good = (tokens < 8).sum(axis=1) > (tokens > 15).sum(axis=1)
    network.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", jit_compile=False)
    network.fit(tokens, is_good, batch_size=50, epochs=8, verbose=0)
    asked = tokens[:20]
    said = (network.predict(asked, verbose=0)[:, 0] > 0.5).astype(int)
    without = np.repeat(asked, MAXLEN, axis=0)
    without[np.arange(len(without)), np.tile(np.arange(MAXLEN), len(asked))] = 0
    left = log_odds(network, without, np.repeat(said, MAXLEN)).reshape(asked.shape)
    lost = log_odds(network, asked, said)[:, None] - left
    added = WordGradients(network, 1024)(asked, said).of_tokens
    agreed = [spearmanr(*pair).statistic for pair in zip(added, lost, strict=True)]
    assert np.mean(agreed) > 0.7


def test_an_answer_that_is_certain_has_a_logit_still() -> None:
    network = built(layers.GlobalAveragePooling1D())
    network.layers[-1].set_weights([np.full((3, 1), 500.0), np.zeros(1)])
    parts = WordGradients(network, 1024)(TOKENS, np.ones(len(TOKENS), int))
    assert np.abs(parts.base + parts.of_tokens.sum(axis=1)).max() > 100
    assert np.isfinite(parts.of_tokens).all()
    assert parts.gap.max() < 1e-2


def test_a_network_without_an_embedding_of_its_words_says_so() -> None:
    tokens = keras.Input((MAXLEN,), dtype="int32")
    pairs = layers.Embedding(NUM_WORDS, 2)((tokens[:, 1:] + tokens[:, :-1]) % NUM_WORDS)
    answer = layers.Dense(1, "sigmoid")(layers.GlobalAveragePooling1D()(pairs))
    with pytest.raises(NetworkError, match=r"no keras\.layers\.Embedding .*predict without"):
        WordGradients(keras.Model(tokens, answer), 1024)
