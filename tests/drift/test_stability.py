import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from tasks.drift.stability import (
    decile_counts,
    stability_index,
    stability_p_value,
    word_stability,
)

COUNTS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=30)

TOPICS, WORDS = 4, 40


@given(COUNTS)
def test_the_index_is_not_negative_the_same_exchanged_and_zero_for_equal_distributions(
    pairs: list[tuple[int, int]],
) -> None:
    first, second = np.asarray(pairs).T
    index = stability_index(first, second)
    assert index >= 0
    assert np.isfinite(index)
    assert stability_index(second, first) == pytest.approx(index)
    assert stability_index(first, first) == 0


def test_the_index_is_that_of_the_textbook() -> None:
    first, second = np.array([50_000, 50_000]), np.array([60_000, 40_000])
    expected = 0.1 * np.log(0.6 / 0.5) - 0.1 * np.log(0.4 / 0.5)
    assert stability_index(first, second) == pytest.approx(expected, rel=1e-4)


def test_a_further_shift_has_a_larger_index_and_an_empty_bin_a_finite_one() -> None:
    first = np.array([100, 100, 100])
    shifts = [stability_index(first, np.array([100 - by, 100, 100 + by])) for by in (10, 50, 100)]
    assert shifts == sorted(shifts)
    assert 0 < shifts[0] < shifts[2] < 10


def test_the_p_value_is_uniform_where_both_samples_are_of_the_same_distribution() -> None:
    random = np.random.default_rng(0)
    shares = np.full(10, 0.1)
    p_values = []
    for _ in range(400):
        first, second = random.multinomial(800, shares), random.multinomial(1200, shares)
        p_values.append(stability_p_value(stability_index(first, second), 800, 1200, 10))
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.asarray(p_values) <= level) == pytest.approx(level, abs=0.06)


def test_the_deciles_of_the_first_sample_are_bins_of_equal_size() -> None:
    first, second = decile_counts(np.arange(1000), np.arange(500, 1500))
    assert first.tolist() == pytest.approx([100] * 10, abs=1)
    assert second.tolist() == pytest.approx([0, 0, 0, 0, 0, 100, 100, 100, 100, 600], abs=1)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=60),
    st.lists(st.integers(0, 50), min_size=1, max_size=60),
)
def test_a_number_is_in_one_bin_however_many_are_equal(first: list[int], second: list[int]) -> None:
    bins = decile_counts(np.asarray(first), np.asarray(second))
    assert [int(counts.sum()) for counts in bins] == [len(first), len(second)]
    assert len(bins[0]) == len(bins[1]) <= 10


def clumped_reviews(
    random: np.random.Generator, rows: int, topic_shares: list[float]
) -> sp.csr_matrix:
    """Return reviews of one topic each, so that their words go together."""
    shares = np.full((TOPICS, WORDS), 1.0)
    for topic in range(TOPICS):
        shares[topic, topic * 10 : topic * 10 + 10] = 8
    shares /= shares.sum(axis=1, keepdims=True)
    topics = random.choice(TOPICS, rows, p=topic_shares)
    return sp.csr_matrix([random.multinomial(25, shares[topic]) for topic in topics], dtype=float)


def judge_sets(random: np.random.Generator, shares: list[float]) -> tuple[float, float]:
    sets = [clumped_reviews(random, 80, [0.25] * 4), clumped_reviews(random, 80, shares)]
    is_second = np.repeat([False, True], 80)
    return word_stability(sp.vstack(sets, format="csr"), is_second, random)


def test_alike_sets_alarm_as_often_as_the_level_says_though_words_go_together() -> None:
    random = np.random.default_rng(0)
    p_values = np.asarray([judge_sets(random, [0.25] * 4)[1] for _ in range(60)])
    for level in (0.05, 0.2, 0.5):
        assert np.mean(p_values <= level) == pytest.approx(level, abs=0.15)
    assert p_values.min() >= 0.001


def test_other_topics_have_a_large_index_and_the_smallest_p_value() -> None:
    index, p_value = judge_sets(np.random.default_rng(0), [0.1, 0.1, 0.1, 0.7])
    assert index > 0.1
    assert p_value == 0.001


def test_without_any_frequent_word_nothing_can_be_said() -> None:
    counts = sp.eye(20, format="csr")
    index, p_value = word_stability(counts, np.arange(20) < 10, np.random.default_rng(0))
    assert (index, p_value) == (0.0, 1.0)
