from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.evaluation.slices import Predictions, accuracy_by, analyse_predictions

VALUES = arrays(np.int32, st.integers(0, 60), elements=st.integers(0, 9))


def made(count: int = 40, seed: int = 0) -> Predictions:
    """Return invented predictions, the longer reviews with more unknown words."""
    random = np.random.default_rng(seed)
    length = np.arange(2, count + 2)
    return Predictions(
        review_id=np.arange(count),
        text_hash=np.arange(count),
        label=np.arange(count) % 2,
        probability=random.random(count),
        length=length,
        unknown=length // 4,
    )


@given(VALUES, st.integers(1, 6), arrays(bool, 60))
def test_every_review_is_in_one_slice_and_the_slices_are_in_order(
    values: np.ndarray, count: int, chances: np.ndarray
) -> None:
    correct = chances[: len(values)]
    slices = accuracy_by(values, correct, count)
    assert sum(part.reviews for part in slices) == len(values)
    assert len(slices) <= count
    right = sum(part.accuracy * part.reviews for part in slices)
    assert right == pytest.approx(correct.sum())
    for before, after in pairwise(slices):
        assert before.highest < after.lowest
    for part in slices:
        assert part.accuracy_low <= part.accuracy <= part.accuracy_high


def test_reviews_are_cut_when_they_are_longer_than_the_network_sees() -> None:
    analysis = analyse_predictions(made(), made(), maxlen=11)
    (whole,), (cut,) = analysis["by_cut"]["whole"], analysis["by_cut"]["cut"]
    assert (whole["lowest"], whole["highest"], whole["reviews"]) == (2, 11, 10)
    assert (cut["lowest"], cut["highest"], cut["reviews"]) == (12, 41, 30)


def test_where_no_review_is_cut_there_is_no_slice_of_cut_ones() -> None:
    analysis = analyse_predictions(made(), made(), maxlen=100)
    assert analysis["by_length"]["cut"] == analysis["by_cut"]["cut"] == []


def test_the_share_of_unknown_words_leaves_out_the_start_id() -> None:
    two = replace(made(2), length=np.array([5, 1]), unknown=np.array([1, 0]))
    assert two.unknown_share.tolist() == [0.25, 0.0]
