import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import brier_score_loss

from tasks.calibration import brier_score, expected_calibration_error, reliability

PROBABILITIES = arrays(np.float32, 40, elements=st.floats(0, 1, width=32))
LABELS = arrays(np.int8, 40, elements=st.integers(0, 1))


def test_a_worked_example() -> None:
    bins = reliability(np.array([0.1, 0.1, 0.85, 0.85, 0.85]), np.array([0, 1, 1, 1, 0]))
    assert [(part.reviews, round(part.share_of_ones, 4)) for part in bins] == [
        (2, 0.5),
        (3, 0.6667),
    ]
    assert expected_calibration_error(bins) == pytest.approx(2 / 5 * 0.4 + 3 / 5 * (0.85 - 2 / 3))


def test_probabilities_that_come_true_have_no_calibration_error() -> None:
    probabilities = np.repeat([0.25, 0.75], 400)
    labels = np.concatenate([np.tile([1, 0, 0, 0], 100), np.tile([0, 1, 1, 1], 100)])
    assert expected_calibration_error(reliability(probabilities, labels)) == pytest.approx(0)


def test_a_certain_answer_falls_into_the_last_bin() -> None:
    (only,) = reliability(np.array([1.0, 0.95]), np.array([1, 1]))
    assert only.reviews == 2


@given(PROBABILITIES, LABELS)
def test_every_review_is_in_one_bin_and_the_error_is_a_share(
    probabilities: np.ndarray, labels: np.ndarray
) -> None:
    bins = reliability(probabilities, labels)
    assert sum(part.reviews for part in bins) == len(labels)
    assert 0 <= expected_calibration_error(bins) <= 1


@given(PROBABILITIES, LABELS)
def test_the_brier_score_is_that_of_scikit_learn(
    probabilities: np.ndarray, labels: np.ndarray
) -> None:
    expected = brier_score_loss(labels, probabilities.astype(np.float64), pos_label=1)
    assert brier_score(probabilities, labels) == pytest.approx(expected, abs=1e-7)
