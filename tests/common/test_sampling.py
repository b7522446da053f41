import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import BadDataError
from tasks.common.sampling import stratified_sample


@given(
    labels=st.lists(st.integers(0, 1), max_size=200),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 99),
)
def test_a_share_of_each_class_is_marked(labels: list[int], fraction: float, seed: int) -> None:
    rows = np.asarray(labels, np.int8)
    sizes = [labels.count(label) for label in sorted(set(labels))]
    if any(not 0 < round(fraction * size) < size for size in sizes):
        with pytest.raises(BadDataError, match="leaves one side empty"):
            stratified_sample(rows, fraction, seed, "p")
        return
    mask = stratified_sample(rows, fraction, seed, "p")
    assert mask.dtype == bool
    assert mask.shape == rows.shape
    marked = [int(mask[rows == label].sum()) for label in sorted(set(labels))]
    assert marked == [round(fraction * size) for size in sizes]


def test_the_same_seed_and_purpose_mark_the_same_rows_and_others_do_not() -> None:
    labels = np.arange(200) % 2
    first = stratified_sample(labels, 0.3, 5, "test set")
    assert (stratified_sample(labels, 0.3, 5, "test set") == first).all()
    assert (stratified_sample(labels, 0.3, 6, "test set") != first).any()
    assert (stratified_sample(labels, 0.3, 5, "validation set") != first).any()


def test_rows_from_all_over_the_class_are_marked() -> None:
    mask = stratified_sample(np.zeros(1000, np.int8), 0.5, 0, "p")
    assert all(30 < part.sum() < 70 for part in mask.reshape(10, 100))


def test_a_class_that_is_too_small_is_named_with_the_purpose() -> None:
    labels = np.asarray([0, 0, 0, 0, 0, 1, 1])
    with pytest.raises(BadDataError, match=r"class 1 has 2 reviews.* 0\.2 for the test set"):
        stratified_sample(labels, 0.2, 0, "test set")
