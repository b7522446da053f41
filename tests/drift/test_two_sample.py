import numpy as np
import pytest
import scipy.sparse as sp

from tasks.drift.two_sample import two_sample_test

WORDS = 60

REVIEWS = 200


def reviews(random: np.random.Generator, rows: int, shares: np.ndarray) -> sp.csr_matrix:
    return sp.csr_matrix(random.multinomial(20, shares, rows).astype(np.float32))


def judge_sets(random: np.random.Generator, other_words: int = 0) -> tuple[float, float]:
    """Test two sets of which the second prefers the first `other_words` words."""
    shares = np.full(WORDS, 1 / WORDS)
    others = shares.copy()
    others[:other_words] *= 2
    sets = [reviews(random, REVIEWS, shares), reviews(random, REVIEWS, others / others.sum())]
    is_second = np.repeat([False, True], REVIEWS)
    return two_sample_test(sp.vstack(sets, format="csr"), is_second, random.random(400) < 0.5)


def test_alike_sets_cannot_be_told_apart_more_often_than_the_level_says() -> None:
    random = np.random.default_rng(0)
    areas, p_values = np.transpose([judge_sets(random) for _ in range(120)])
    for level in (0.05, 0.2, 0.5):
        assert np.mean(p_values <= level) == pytest.approx(level, abs=0.09)
    assert np.mean(areas) == pytest.approx(0.5, abs=0.01)


def test_other_words_are_told_apart() -> None:
    area, p_value = judge_sets(np.random.default_rng(0), other_words=15)
    assert area > 0.75
    assert p_value < 1e-6


def test_sets_of_the_same_texts_are_not_told_apart() -> None:
    random = np.random.default_rng(0)
    texts = reviews(random, 300, np.full(WORDS, 1 / WORDS))
    teaches = np.tile(random.random(300) < 0.5, 2)
    counts = sp.vstack([texts, texts], format="csr")
    area, p_value = two_sample_test(counts, np.repeat([False, True], 300), teaches)
    assert area == pytest.approx(0.5, abs=1e-6)
    assert p_value > 0.4


def test_too_few_reviews_prove_nothing() -> None:
    counts = reviews(np.random.default_rng(0), 4, np.full(WORDS, 1 / WORDS))
    is_second = np.array([False, True, False, True])
    teaches = np.array([True, True, True, False])
    assert two_sample_test(counts, is_second, teaches) == (0.5, 1.0)
