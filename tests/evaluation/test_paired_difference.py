import numpy as np
import pytest

from tasks.evaluation.significance import paired_difference, paired_test


def test_with_one_seed_it_is_the_paired_difference_of_two_models() -> None:
    random = np.random.default_rng(0)
    first, second = random.random((2, 5000)) < [[0.9], [0.88]]
    found = paired_difference(first.astype(float), second.astype(float))
    expected = paired_test(first, second)
    assert found.mean == pytest.approx(expected.difference)
    assert found.low == pytest.approx(expected.difference_low, abs=1e-4)
    assert found.high == pytest.approx(expected.difference_high, abs=1e-4)


def test_equal_answers_differ_by_nothing() -> None:
    found = paired_difference(np.full(9, 0.5), np.full(9, 0.5))
    assert (found.mean, found.low, found.high) == (0, 0, 0)


def test_the_interval_holds_the_true_difference_nineteen_times_of_twenty() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        # Three seeds each, that err on the same hard reviews more often than on others.
        hard = random.random(600)
        chances = (hard < [[0.9], [0.85]])[:, None, :] * 0.9
        first, second = (random.random((2, 3, 600)) < chances).mean(axis=1)
        found = paired_difference(first, second)
        held += found.low <= 0.9 * (0.9 - 0.85) <= found.high
    assert 0.92 <= held / 400 <= 0.98
