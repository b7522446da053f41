import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import brier_score_loss, f1_score, roc_auc_score

from tasks.evaluation.metrics import (
    expected_calibration_error,
    mean_f1,
    mean_interval,
    reliability,
    roc_auc,
    wilson_interval,
)
from tasks.evaluation.scoring import score

PROBABILITIES = arrays(np.float32, 40, elements=st.floats(0, 1, width=32))

TIED = arrays(np.float32, 40, elements=st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]))

LABELS = arrays(np.int8, 40, elements=st.integers(0, 1))


@given(PROBABILITIES | TIED, LABELS)
def test_area_and_brier_score_are_those_of_scikit_learn_with_ties_too(
    probabilities: np.ndarray, labels: np.ndarray
) -> None:
    assume(0 < labels.sum() < len(labels))
    area, low, high = roc_auc(probabilities, labels)
    assert area == pytest.approx(roc_auc_score(labels, probabilities))
    assert 0 <= low <= area <= high <= 1
    expected = brier_score_loss(labels, probabilities.astype(np.float64), pos_label=1)
    assert score(probabilities, labels)["brier"] == pytest.approx(expected, abs=1e-7)


def test_a_published_area_and_interval_are_reproduced() -> None:
    # Ratings of 109 images by Hanley and McNeil, Radiology 143 (1982), 29-36. The interval is that
    # of the example of `roctab` in the reference manual of Stata.
    healthy, ill = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
    ratings = np.repeat([1, 2, 3, 4, 5] * 2, healthy + ill)
    labels = np.repeat([0, 1], [sum(healthy), sum(ill)])
    assert roc_auc(ratings, labels) == pytest.approx((0.8932, 0.83295, 0.95339), abs=5e-5)


def test_one_review_of_a_label_has_an_interval_too() -> None:
    assert roc_auc(np.array([0.1, 0.2, 0.9]), np.array([0, 0, 1])) == (1, 1, 1)


def test_a_worked_example_of_calibration() -> None:
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


def test_a_known_interval_of_a_share_is_reproduced() -> None:
    # 81 of 263: an example worked out in Newcombe, Statistics in Medicine 17 (1998), 857-872.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_in_range(share: tuple[int, int]) -> None:
    low, high = wilson_interval(*share)
    assert 0 <= low <= share[0] / share[1] <= high <= 1


@pytest.mark.parametrize("share", [(0, 0), (3, 2), (-1, 4)])
def test_what_is_no_share_is_an_error(share: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        wilson_interval(*share)


CELLS = np.array([[0.5, 0.06, 0.04], [0.05, 0.15, 0.05], [0.03, 0.04, 0.08]])
"""Shares of a rare label and of a frequent one, in the form of a confusion matrix."""


@pytest.mark.parametrize("weights", [None, np.full(3, 1 / 3), np.eye(3)[2]])
def test_the_interval_of_an_f1_covers_the_true_one_as_often_as_it_says(
    weights: np.ndarray | None,
) -> None:
    chance = np.random.default_rng(0)
    true = mean_f1(CELLS, weights)[0]
    drawn = chance.multinomial(150, CELLS.reshape(-1), 1000).reshape(-1, 3, 3)
    bounds = [mean_f1(counts, weights)[1] for counts in drawn]
    assert 0.93 < np.mean([low <= true <= high for low, high in bounds]) < 0.97


@given(arrays(np.int8, 40, elements=st.integers(0, 2)))
def test_the_means_of_f1_are_those_of_scikit_learn(said: np.ndarray) -> None:
    labels = np.arange(40) % 4 % 3  # label 0 twice as often
    found = score(np.eye(3, dtype=np.float32)[said], labels)
    for name in ("macro", "weighted"):
        expected = f1_score(labels, said, average=name, zero_division=0)
        low, high = found[f"{name}_f1_interval_95"]
        assert found[f"{name}_f1"] == pytest.approx(expected)
        assert 0 <= low <= found[f"{name}_f1"] <= high <= 1


def test_what_does_not_vary_has_the_interval_of_a_share() -> None:
    for right in (0, 20):
        assert mean_interval(right / 20, 0, 20) == pytest.approx(wilson_interval(right, 20))
        share = right / 20 * 0.5 + 0.25
        assert mean_interval(share, share * (1 - share) / 20, 9) == pytest.approx(
            wilson_interval(round(20 * share), 20)
        )


def test_stars_are_off_by_a_mean_distance_and_names_are_not() -> None:
    labels, said = np.array([0, 0, 1, 2]), np.array([0, 2, 1, 1])
    probabilities = np.eye(3, dtype=np.float32)[said]
    found = score(probabilities, labels, ("1", "2", "5"))
    assert found["mean_absolute_error"] == (0 + 4 + 0 + 3) / 4
    low, high = found["mean_absolute_error_interval_95"]
    assert 0 < low < 7 / 4 < high < 4
    for names in ((), ("1", "2", "many")):
        assert "mean_absolute_error" not in score(probabilities, labels, names)


def test_a_dozen_numbers_are_those_of_topics() -> None:
    for count in (11, 12):
        names = tuple(map(str, range(count)))
        found = score(np.eye(count, dtype=np.float32), np.arange(count), names)
        assert ("mean_absolute_error" in found) == (count == 11)
