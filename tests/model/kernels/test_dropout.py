"""Dropout by a hash keeps its share, another one with each seed, in its gradient too."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.model.kernels.dropout import dropped_words, hashed_dropout


@settings(max_examples=10)
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 30), st.integers(1, 40)),
    rate=st.floats(0, 0.999),
    seed=st.integers(-(2**31), 2**31 - 1),
)
def test_dropout_keeps_values_scaled_or_sets_them_to_zero(
    shape: tuple[int, int, int], rate: float, seed: int
) -> None:
    found = np.unique(hashed_dropout(tf.ones(shape), rate, tf.constant([seed, 1])))
    kept = np.float32(1) / (1 - rate)
    assert all(value in (0, pytest.approx(kept)) for value in found)
    assert rate > 0 or list(found) == [1]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_hits_its_share_another_one_with_each_seed(rate: float) -> None:
    values = tf.ones((64, 50, 50))
    seeds = [(1, 0), (1, 0), (2, 0), (1, 1), (0, 1)]
    masks = [np.asarray(hashed_dropout(values, rate, tf.constant(seed))) > 0 for seed in seeds]
    assert np.array_equal(masks[0], masks[1])
    by_chance = rate**2 + (1 - rate) ** 2
    for mask in masks[1:]:
        assert np.mean(mask) == pytest.approx(1 - rate, abs=0.005)
    for mask in masks[2:]:
        assert np.mean(mask == masks[0]) == pytest.approx(by_chance, abs=0.01)


@pytest.mark.parametrize("apart", [1, 2, 50, 2500])
def test_whether_a_number_is_dropped_tells_nothing_of_its_neighbours(apart: int) -> None:
    mask = np.asarray(hashed_dropout(tf.ones((100, 50, 50)), 0.5, tf.constant([3, 4]))).ravel()
    # 250,000 independent pairs correlate by less than this with 999,999 chances in a million.
    assert abs(np.corrcoef(mask[:-apart], mask[apart:])[0, 1]) < 0.01


def test_the_gradient_of_dropout_passes_where_values_passed() -> None:
    values = tf.ones((20, 30))
    with tf.GradientTape() as tape:
        tape.watch(values)
        found = hashed_dropout(values, 0.5, tf.constant([7, 8]))
        score = tf.reduce_sum(3 * found)
    np.testing.assert_array_equal(tape.gradient(score, values), 3 * np.asarray(found))


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_words_are_looked_up_and_dropped_and_their_gradients_summed(rate: float) -> None:
    chance = np.random.default_rng(0)
    table = tf.constant(chance.normal(size=(9, 4)), tf.float32)
    tokens = tf.constant(chance.integers(0, 9, (7, 3)), tf.int32)
    upstream = tf.constant(chance.normal(size=(3, 7, 4)), tf.float32)
    seed = tf.constant([1, 2])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(table)
        found = dropped_words(table, tokens, rate, seed)
        expected = hashed_dropout(tf.gather(table, tf.transpose(tokens)), rate, seed)
        scores = [tf.reduce_sum(each * upstream) for each in (found, expected)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    ours, rows = (tape.gradient(score, table) for score in scores)
    np.testing.assert_allclose(ours, tf.convert_to_tensor(rows), rtol=1e-5)
