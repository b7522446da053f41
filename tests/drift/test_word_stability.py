import numpy as np
import pytest
import scipy.sparse as sp

from tasks.drift.stability import word_stability

TOPICS = 4

WORDS = 40


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
