import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from tasks.roc_auc import roc_auc, roc_auc_interval


@given(
    arrays(np.float32, 30, elements=st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0])),
    arrays(np.int8, 30, elements=st.integers(0, 1)),
)
def test_the_area_is_that_of_scikit_learn_with_ties_too(
    probabilities: np.ndarray, labels: np.ndarray
) -> None:
    assume(0 < labels.sum() < len(labels))
    assert roc_auc(probabilities, labels) == pytest.approx(roc_auc_score(labels, probabilities))


def test_the_interval_is_about_that_of_the_normal_theory() -> None:
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1], 1000)
    scores = random.normal(labels, 1)
    low, high = roc_auc_interval(scores, labels)
    assert low < roc_auc(scores, labels) < high
    # Two normal classes one deviation apart: area 0.760, standard error by Hanley and McNeil
    # (Radiology 143, 1982) 0.0107 with 1,000 of each.
    assert high - low == pytest.approx(2 * 1.96 * 0.0107, rel=0.15)


def test_equal_seeds_give_equal_intervals() -> None:
    labels, scores = np.array([0, 0, 1, 1, 1]), np.array([0.1, 0.6, 0.5, 0.8, 0.9])
    assert roc_auc_interval(scores, labels, 3) == roc_auc_interval(scores, labels, 3)
