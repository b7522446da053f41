import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tasks.evaluation.significance import difference_interval, mcnemar_p_value, paired_test

COUNTS = st.integers(0, 400)


@given(COUNTS, COUNTS)
def test_the_p_value_is_that_of_the_binomial_test(first: int, second: int) -> None:
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar_p_value(first, second) == pytest.approx(expected, rel=1e-6)
    assert mcnemar_p_value(second, first) == mcnemar_p_value(first, second)


def test_thousands_of_differing_reviews_are_exact_too() -> None:
    expected = binomtest(1400, 3000).pvalue
    assert mcnemar_p_value(1400, 1600) == pytest.approx(expected, rel=1e-6)


@given(COUNTS, COUNTS, COUNTS)
def test_the_interval_of_the_difference_changes_sign_with_the_order(
    first: int, second: int, equal: int
) -> None:
    low, high = difference_interval(first, second, first + second + equal)
    assert -1 <= low < high <= 1
    other = difference_interval(second, first, first + second + equal)
    assert other == (pytest.approx(-high), pytest.approx(-low))


def test_the_interval_of_a_worked_example() -> None:
    # b = 9, c = 3 of 50: (9 + 1 - 3 - 1) / 52, worked out by hand from the formula.
    low, high = difference_interval(9, 3, 50)
    assert (low + high) / 2 == pytest.approx(6 / 52)
    assert high - low == pytest.approx(2 * 1.959964 * ((14 / 52 - (6 / 52) ** 2) / 52) ** 0.5)


def test_a_published_interval_is_reproduced() -> None:
    # The example of `ci.prop.ps` in Bonett's own R package statpsych: 4 and 26 of 48 differ.
    low, high = difference_interval(26, 4, 48)
    assert (low, high) == (pytest.approx(0.2548067), pytest.approx(0.6251933))


def test_two_models_are_compared_review_by_review() -> None:
    first = np.array([True, True, True, False, True])
    second = np.array([True, False, False, True, False])
    test = paired_test(first, second)
    assert (test.only_first_right, test.only_second_right) == (3, 1)
    assert test.difference == pytest.approx(0.4)
    assert test.p_value == pytest.approx(0.625)
