from math import comb

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.evaluation.significance import (
    difference_interval,
    mcnemar_p_value,
    paired_difference,
    paired_test,
)

COUNTS = st.integers(0, 400)


@given(COUNTS, COUNTS)
@example(0, 0)
@example(1400, 1600)
def test_the_p_value_is_the_share_of_all_ways_that_are_as_uneven(first: int, second: int) -> None:
    ways = sum(comb(first + second, count) for count in range(min(first, second) + 1))
    expected = min(1, 2 * ways / 2 ** (first + second))
    assert mcnemar_p_value(first, second) == pytest.approx(expected, rel=1e-6)
    assert mcnemar_p_value(second, first) == mcnemar_p_value(first, second)


@given(COUNTS, COUNTS, COUNTS)
def test_the_interval_changes_sign_with_the_order(first: int, second: int, equal: int) -> None:
    low, high = difference_interval(first, second, first + second + equal)
    assert -1 <= low < high <= 1
    other = difference_interval(second, first, first + second + equal)
    assert list(other) == pytest.approx([-high, -low])


def test_a_published_interval_is_reproduced() -> None:
    # The example of `ci.prop.ps` in Bonett's own R package statpsych: 4 and 26 of 48 differ.
    low, high = difference_interval(26, 4, 48)
    assert [low, high] == pytest.approx([0.2548067, 0.6251933])
    wide = difference_interval(26, 4, 48, level=0.01)
    assert wide[0] < low < high < wide[1]


def test_two_models_are_compared_review_by_review() -> None:
    first = np.array([True, True, True, False, True])
    second = np.array([True, False, False, True, False])
    test = paired_test(first, second)
    assert (test.only_first_right, test.only_second_right) == (3, 1)
    assert test.difference == pytest.approx(0.4)
    assert test.p_value == pytest.approx(0.625)


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
