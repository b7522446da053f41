import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.experiments.seeds import gap, seed_statistics, spread

SHARES = st.floats(0, 1, allow_nan=False)


def test_the_interval_over_seeds_is_students() -> None:
    found = spread([0.87, 0.88, 0.885, 0.872, 0.878])
    assert found.mean == pytest.approx(0.877)
    assert found.deviation == pytest.approx(0.0060828, abs=1e-7)
    # 2.7764 is the 97.5 % point of Student's t with 4 degrees of freedom.
    assert found.high == pytest.approx(0.877 + 2.7764 * 0.0060828 / 5**0.5, abs=1e-6)


def test_one_seed_has_no_spread() -> None:
    found = spread([0.9])
    assert (found.mean, found.deviation, found.low, found.high) == (0.9, None, None, None)


@given(st.lists(SHARES, min_size=2, max_size=9))
def test_the_mean_lies_inside_the_interval_and_a_shift_moves_both(values: list[float]) -> None:
    found, moved = spread(values), spread([value + 1 for value in values])
    assert found.low is not None
    assert found.high is not None
    assert moved.low is not None
    assert found.low <= found.mean + 1e-12
    assert found.mean <= found.high + 1e-12
    assert moved.low == pytest.approx(found.low + 1)


def test_more_test_reviews_narrow_the_one_interval_and_not_the_other() -> None:
    few, many = (seed_statistics({0: 0.8, 1: 0.82}, reviews) for reviews in (100, 25_000))
    assert few.over_seeds == many.over_seeds
    assert few.over_reviews[0] < many.over_reviews[0] < 0.81 < many.over_reviews[1]


def test_the_gap_is_taken_seed_by_seed() -> None:
    found = gap({0: 0.88, 1: 0.90}, {1: 0.89, 0: 0.87})
    assert found.mean == pytest.approx(0.01)
    assert found.deviation == pytest.approx(0, abs=1e-9)


def test_a_gap_needs_the_same_seeds() -> None:
    with pytest.raises(ValueError, match=r"the seeds \[0\] are not \[1\]"):
        gap({0: 0.8}, {1: 0.8})
