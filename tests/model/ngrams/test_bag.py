from typing import Any, get_args

import numpy as np
import pytest

from tasks.config.training import FitConfig, NgramBagConfig, StepCode
from tasks.model.build import build_network
from tasks.model.ngrams.bag import prepare_ngram_bag
from tasks.training.step import trained_form

# Words that occur in the reviews of one label only, in those of the other, and in both.
GOOD, BAD, BOTH, UNSEEN = 10, 11, 12, 13


def padded(*words: int, maxlen: int = 8) -> list[int]:
    return [0] * (maxlen - 1 - len(words)) + [1, *words]


def counted(network: NgramBagConfig, *batches: tuple[Any, list[float]]) -> Any:
    """Return a network that has counted reviews in batches and learned nothing yet."""
    model = build_network(20, 8, network)
    arrays = [(np.array(ids, np.int32), np.array([ones], np.float32).T) for ids, ones in batches]
    prepare_ngram_bag(model, arrays, network)
    return model


def prepared(**changes: Any) -> Any:
    """Return a network that has counted eight reviews."""
    fields = {"ngram_buckets": 1 << 16, "ngram_smoothing": 1.0}
    network = NgramBagConfig.model_validate(fields | changes)
    return counted(network, ([padded(BOTH, GOOD), padded(BAD, BOTH)] * 4, [1.0, 0.0] * 4))


def with_weights(model: Any, **values: float) -> Any:
    """Set all weights of a table to one value."""
    for name, value in values.items():
        layer = model.get_layer(name)
        layer.set_weights([np.full_like(layer.get_weights()[0], value)])
    return model


def logit(model: Any, *words: int) -> float:
    (probability,) = model.predict(np.array([padded(*words)], np.int32), verbose=0)[0]
    return float(np.log(probability / (1 - probability)))


def test_with_weights_of_one_it_is_naive_bayes_on_the_presence_of_ngrams() -> None:
    model = with_weights(prepared(), weights=1.0)
    # Six n-grams are kept: GOOD, BAD, BOTH and both pairs, each of four reviews, BOTH of eight.
    ratio = np.log((4 + 1) / (0 + 1))
    assert logit(model, GOOD) == pytest.approx(ratio, abs=1e-4)
    assert logit(model, BAD) == pytest.approx(-ratio, abs=1e-4)
    assert logit(model, BOTH) == pytest.approx(0, abs=1e-4)
    assert logit(model, BOTH, GOOD) == pytest.approx(2 * ratio, abs=1e-4)


def test_an_ngram_counts_once_and_unseen_padding_and_unknown_words_do_not_count() -> None:
    model = with_weights(prepared(), weights=1.0)
    assert logit(model, GOOD, UNSEEN, GOOD, 2, GOOD) == pytest.approx(logit(model, GOOD), abs=1e-5)
    assert logit(model, UNSEEN, 2) == pytest.approx(0, abs=1e-5)
    assert logit(model) == pytest.approx(0, abs=1e-5)


def test_rare_ngrams_are_unknown() -> None:
    assert logit(with_weights(prepared(ngram_least_reviews=5), weights=1.0), GOOD) == 0


def test_the_last_words_count_in_addition() -> None:
    model = with_weights(prepared(ngram_tail=3), weights=1.0, tail_weights=2.0)
    once = np.log(5)
    assert logit(model, GOOD, UNSEEN, UNSEEN, UNSEEN) == pytest.approx(once, abs=1e-4)
    assert logit(model, GOOD, UNSEEN, UNSEEN) == pytest.approx(3 * once, rel=1e-3)


def test_the_bias_is_the_ratio_of_the_labels() -> None:
    model = counted(NgramBagConfig(ngram_buckets=64), ([padded(GOOD)] * 4, [1.0, 1.0, 1.0, 0.0]))
    assert logit(model, UNSEEN) == pytest.approx(np.log(3), abs=1e-5)


def test_reviews_part_by_part_give_the_same_tables() -> None:
    network = NgramBagConfig(ngram_buckets=512, ngram_least_reviews=1)
    tokens = np.random.default_rng(0).integers(0, 20, (60, 8))
    labels = [1.0, 0.0] * 30
    weights = []
    for size in (60, 7):
        parts = [(tokens[at : at + size], labels[at : at + size]) for at in range(0, 60, size)]
        weights.append(counted(network, *parts).get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("changes", "classes"),
    [({}, 2), ({"ngram_tail": 5}, 2), ({"ngram_words": 1}, 3), ({"ngram_tail": 4}, 3)],
)
def test_the_fast_step_has_the_bits_of_keras(changes: dict[str, Any], classes: int) -> None:
    random = np.random.default_rng(0)
    network = NgramBagConfig.model_validate(
        {"ngram_buckets": 1 << 8, "ngram_smoothing": 1.0} | changes
    )
    tokens = random.integers(0, 20, (300, 12)).astype(np.int32)
    tokens[7], tokens[8, 3:], tokens[64:128] = 0, 0, 0
    labels = (tokens.sum(axis=1, keepdims=True) // 7 % classes).astype(np.float32)
    fit = FitConfig(learning_rate=0.05, batch_size=64)
    weights = []
    for code in get_args(StepCode):
        model = build_network(20, 12, network, classes)
        trained = trained_form(model, code, fit)
        prepare_ngram_bag(model, [(tokens, labels)], network)
        history = trained.fit(tokens, labels, batch_size=64, epochs=3, shuffle=False, verbose=0)
        weights.append([*map(bytes, model.get_weights()), history.history])
    assert weights[0] == weights[1]
