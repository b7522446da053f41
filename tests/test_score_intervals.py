import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.score_intervals import wilson_interval


def test_a_known_interval_is_reproduced() -> None:
    # 81 of 263: an example worked out in Newcombe, Statistics in Medicine 17 (1998), 857-872.
    low, high = wilson_interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_in_range(share: tuple[int, int]) -> None:
    successes, trials = share
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= high <= 1
    assert low <= successes / trials <= high


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 4)])
def test_what_is_no_share_is_an_error(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        wilson_interval(successes, trials)
