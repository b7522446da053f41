from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config.training import validated_config
from tasks.experiments.side_by_side import SideBySide, side_by_side, spread
from tasks.run_summary import RunSummary
from tests.support.made_runs import RIGHT, make_run

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


def report_of(artifacts: Path, *right: Sequence[bool], groups: int) -> SideBySide:
    """Return the report of runs that judge these reviews correctly, all groups seed by seed."""
    configs = [validated_config(fit={"epochs": 1 + number}) for number in range(groups)]
    runs = [
        make_run(artifacts, f"20260101T0000{number:02}Z-aaaaaaaa", right=one, seed=number // groups)
        for number, one in enumerate(right)
    ]
    trained = [
        RunSummary(folder=run.folder, score=run.manifest.score, steps=run.manifest.steps)
        for run in runs
    ]
    return side_by_side(configs, trained)


def test_more_test_reviews_narrow_the_one_interval_and_not_the_other(tmp_path: Path) -> None:
    few, many = (
        report_of(tmp_path / str(times), RIGHT * times, RIGHT * times, groups=1).groups[0]
        for times in (1, 50)
    )
    assert few.over_seeds == many.over_seeds
    assert few.over_reviews[0] < many.over_reviews[0] < 0.75 < many.over_reviews[1]


def test_the_gap_is_taken_seed_by_seed_and_review_by_review(tmp_path: Path) -> None:
    one, two, three = ((True,) * count + (False,) * (8 - count) for count in (4, 5, 6))
    first, second = report_of(tmp_path, one, two, two, three, groups=2).groups
    assert (first.gap, first.gap_over_reviews) == (None, None)
    assert second.gap is not None
    assert second.gap_over_reviews is not None
    assert (second.gap.mean, second.gap.deviation) == (0.125, 0)
    assert second.gap_over_reviews.mean == pytest.approx(0.125)
    assert [run.seed for run in second.runs] == [0, 1]
    assert [run.accuracy for run in second.runs] == [0.625, 0.75]
    assert [run.validation_accuracy for run in second.runs] == [0.875, 0.875]
