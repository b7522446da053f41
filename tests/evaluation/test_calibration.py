import numpy as np
import pytest

from tasks.evaluation.calibration import (
    calibration_facts,
    error_interval,
    tempered,
)
from tasks.evaluation.metrics import expected_calibration_error, reliability


def drawn(seed: int, count: int, overconfident: float) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities whose logits are too large by a factor, and what came true."""
    chance = np.random.default_rng(seed)
    true = 1 / (1 + np.exp(-chance.normal(0, 2, count)))
    return tempered(true, 1 / overconfident), (chance.random(count) < true).astype(np.int8)


def test_the_interval_holds_the_error_of_all_reviews_about_as_often_as_it_says() -> None:
    given, came_true = drawn(1, 1_000_000, 1.5)
    error = expected_calibration_error(reliability(given, came_true))
    intervals = [error_interval(*drawn(seed, 3000, 1.5)) for seed in range(2, 102)]
    assert sum(low <= error <= high for low, high in intervals) >= 85
    assert all(low > 0 for low, _ in intervals)


def test_the_interval_of_probabilities_that_come_true_begins_at_0_as_often_as_it_says() -> None:
    lows = [error_interval(*drawn(seed, 3000, 1))[0] for seed in range(100)]
    assert lows.count(0) >= 88


def test_the_interval_of_several_labels_is_that_of_their_answers() -> None:
    given, came_true = drawn(0, 500, 2)
    sure, right = np.maximum(given, 1 - given), (given > 0.5) == came_true
    both = np.stack([1 - given, given], axis=1)
    assert error_interval(both, came_true) == error_interval(sure, right)


@pytest.mark.parametrize(
    "given",
    [np.array([0.001, 0.3, 0.5, 0.99]), np.array([[0.2, 0.3, 0.5], [0.01, 0.01, 0.98]])],
)
def test_a_temperature_is_taken_back_by_its_inverse(given: np.ndarray) -> None:
    hot = tempered(given, 3.0)
    assert np.abs(hot - given).max() > 0.1
    assert tempered(hot, 1 / 3.0) == pytest.approx(given)
    assert tempered(np.array([0.8]), 2.0) == pytest.approx(2 / 3)  # odds of 4 become 2


def test_the_facts_have_both_errors_with_their_intervals() -> None:
    given, came_true = drawn(0, 20_000, 2)
    facts = calibration_facts(tempered(given, 2.0), came_true, 2.0)
    after, before = facts["expected_calibration_error"], facts["error_before"]
    assert 5 * after < 0.09 < before
    assert facts["error_before_interval_95"][0] < before < facts["error_before_interval_95"][1]
    assert facts["expected_calibration_error_interval_95"] == error_interval(
        tempered(given, 2.0), came_true
    )
