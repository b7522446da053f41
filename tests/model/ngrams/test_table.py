import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config.training import NgramBagConfig
from tasks.data.text.tokenizer import FIRST_WORD_ID, UNKNOWN_ID
from tasks.model.build import build_network
from tasks.model.keras_archive import read_keras_archive
from tasks.model.network import folded_network, keras_network, open_network
from tasks.model.ngrams.bag import prepare_ngram_bag
from tasks.model.ngrams.table import NgramTable
from tasks.model.onnx_graph import NotFoldableError
from tests.support.made_models import with_parts

WORDS, REVIEWS = 40, 150


def reviews(maxlen: int, seed: int) -> np.ndarray:
    """Return tokens with padding before, behind and between, unknown and repeated words."""
    random = np.random.default_rng(seed)
    tokens = random.integers(0, WORDS, (REVIEWS, maxlen), np.int32)
    tokens[::3] = np.minimum(tokens[::3], 7)
    for row in range(0, REVIEWS, 2):
        tokens[row, : random.integers(0, maxlen + 1)] = 0
    for row in range(1, REVIEWS, 4):
        tokens[row, random.integers(0, maxlen + 1) :] = 0
    return tokens


def trained(file: Path, maxlen: int = 12, classes: int = 2, **sizes: int) -> Path:
    """Write a network that has counted n-grams, and has weights of which every one matters."""
    network = NgramBagConfig.model_validate({"ngram_buckets": 997, "ngram_smoothing": 1} | sizes)
    model = build_network(WORDS, maxlen, network, classes)
    labels = np.arange(REVIEWS)[:, None] % classes
    prepare_ngram_bag(model, [(reviews(maxlen, 0), labels.astype(np.float32))], network)
    random = np.random.default_rng(1)
    for name in ("ratios", "weights", "tail_weights")[: 3 if network.ngram_tail else 2]:
        layer = model.get_layer(name)
        layer.set_weights([random.normal(0, 0.5, layer.get_weights()[0].shape)])
    model.save(file)
    return file


@pytest.mark.parametrize(
    ("maxlen", "sizes"),
    [
        (12, {"ngram_words": 3}),
        (12, {"ngram_words": 2, "classes": 5}),
        (9, {"ngram_words": 4, "ngram_tail": 5}),
        (9, {"ngram_words": 8, "ngram_tail": 9, "classes": 3, "ngram_buckets": 64}),
        (1, {"ngram_words": 1, "ngram_buckets": 2}),
    ],
)
def test_it_gives_the_probabilities_of_keras(
    tmp_path: Path, maxlen: int, sizes: dict[str, int]
) -> None:
    file = trained(tmp_path / "model.keras", maxlen, **sizes)
    ours, keras = folded_network(file), keras_network(file)
    asked = reviews(maxlen, 2)
    expected, found = keras(asked), ours(asked)
    assert expected.std() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-6)
    again = ours.on_all_cores(np.concatenate([asked] * 4))
    np.testing.assert_array_equal(again, np.concatenate([found] * 4))


def test_no_rows_give_no_probabilities(tmp_path: Path) -> None:
    network = folded_network(trained(tmp_path / "model.keras"))
    nothing = np.empty((0, 12), np.int32)
    assert network(nothing).shape == network.on_all_cores(nothing).shape == (0,)


def test_it_starts_neither_tensorflow_nor_onnx_runtime(tmp_path: Path) -> None:
    file = trained(tmp_path / "model.keras")
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from tasks.model.network import open_network\n"
        "answer = open_network(Path(sys.argv[1]))(np.full((1, 12), 5, np.int32))\n"
        "assert not {'tensorflow', 'keras', 'onnxruntime'} & {*sys.modules}\n"
        "print(answer[0])\n"
    )
    command = [sys.executable, "-c", code, str(file)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    expected = keras_network(file)(np.full((1, 12), 5, np.int32))[0]
    assert float(found) == pytest.approx(expected, abs=1e-6)


def changed(file: Path, old: str, new: str) -> Path:
    config = json.dumps(read_keras_archive(file).config)
    assert old in config
    content = config.replace(old, new).encode()
    return with_parts(file, file.with_name("changed.keras"), config_json=content)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("739982445", "739982447"),  # another hash
        ('"ngram_bag"', '"my_bag"'),
        ('"ratios"', '"shares"'),
        ('"keras.layers"', '"my_layers"'),
    ],
)
def test_another_network_is_left_to_keras(tmp_path: Path, old: str, new: str) -> None:
    file = trained(tmp_path / "model.keras", ngram_tail=5)
    with pytest.raises(NotFoldableError):
        folded_network(changed(file, old, new))


def test_with_another_hash_keras_answers(tmp_path: Path) -> None:
    file: Any = trained(tmp_path / "model.keras")
    other = changed(file, "739982445", "739982447")
    asked = reviews(12, 2)
    np.testing.assert_array_equal(open_network(other)(asked), keras_network(other)(asked))
    assert np.abs(open_network(other)(asked) - keras_network(file)(asked)).max() > 0.01


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("words", [1, 2, 3])
@pytest.mark.parametrize("tail", [0, 4])
def test_what_the_words_add_is_with_the_base_the_logit_of_the_answer(
    tmp_path: Path, classes: int, words: int, tail: int
) -> None:
    sizes = {"ngram_words": words, "ngram_tail": tail, "classes": classes}
    table = NgramTable.of(read_keras_archive(trained(tmp_path / "model.keras", 12, **sizes)))
    asked = reviews(12, 2)
    logits = table.logits(asked)
    assert logits.std() > 0.1
    for answer in range(classes):
        parts = table.word_parts(asked, np.full(REVIEWS, answer))
        assert parts.of_tokens.std() > 0.1
        assert not parts.of_tokens[asked < FIRST_WORD_ID].any()
        expected = logits[:, answer] if classes > 2 else logits[:, 0] * (2 * answer - 1)
        logit = parts.base + parts.of_tokens.sum(axis=1)
        np.testing.assert_allclose(logit, expected, atol=1e-6)


def test_a_word_alone_adds_what_the_logit_loses_without_it(tmp_path: Path) -> None:
    table = NgramTable.of(read_keras_archive(trained(tmp_path / "model.keras", 12, ngram_words=1)))
    said, asked = np.ones(1, np.int64), np.arange(4, 16, dtype=np.int32)[None]
    parts = table.word_parts(asked, said).of_tokens[0]
    lost = []
    for place in range(12):
        without = asked.copy()
        without[0, place] = UNKNOWN_ID
        lost.append((table.logits(asked) - table.logits(without))[0, 0])
    assert np.abs(lost).max() > 0.1
    np.testing.assert_allclose(parts, lost, atol=1e-6)


def test_an_ngram_is_shared_by_its_words_and_by_its_places(tmp_path: Path) -> None:
    file = trained(tmp_path / "model.keras", 12, ngram_words=2, ngram_tail=4)
    table = NgramTable.of(read_keras_archive(file))
    asked, said = reviews(12, 2), np.ones(REVIEWS, np.int64)
    ngrams = table.ngram_parts(asked, said)
    assert set(ngrams.words.tolist()) == {1, 2}
    expected = np.zeros(asked.size)
    for place, words, added in zip(ngrams.places, ngrams.words, ngrams.added, strict=True):
        expected[place : place + words] += added / words
    found = table.word_parts(asked, said).of_tokens
    np.testing.assert_allclose(found.reshape(-1), expected, atol=1e-9)
    twice = np.full((1, 12), 0, np.int32)
    twice[0, [1, 4]] = 5  # outside the tail
    once = np.where(np.arange(12) == 4, twice, 0)
    of_twice, of_once = (table.word_parts(one, said[:1]).of_tokens[0] for one in (twice, once))
    assert of_once[4] != 0
    np.testing.assert_allclose(of_twice[[1, 4]], of_once[4] / 2)
