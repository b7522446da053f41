import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.common.errors import InvalidConfigError
from tasks.evaluation.abstention import (
    NO_ABSTENTION,
    Abstention,
    answered_curve,
    chosen_thresholds,
    label_sets,
    measured_sets,
)
from tasks.model.answers import answers


def drawn(seed: int, count: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities that are too sure of themselves, and labels."""
    chance = np.random.default_rng(seed)
    logits = chance.normal(0, 1, (count, classes))
    odds = np.exp(logits)
    true = odds / odds.sum(axis=1, keepdims=True)
    labels = (chance.random((count, 1)) > true.cumsum(axis=1)).sum(axis=1).clip(max=classes - 1)
    sure = odds**3 / (odds**3).sum(axis=1, keepdims=True)
    return (sure[:, 1] if classes == 2 else sure), labels


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_true_label_is_held_as_often_as_was_asked_for(classes: int, level: float) -> None:
    test, truth = drawn(0, 2000, classes)
    held = []
    for seed in range(1, 201):
        threshold = chosen_thresholds(*drawn(seed, 150, classes)).threshold(level)
        held.append(label_sets(test, threshold)[np.arange(len(truth)), truth].mean())
    # Of 200 draws of 150 reviews the mean is known to a quarter of a point.
    assert level - 0.01 < np.mean(held) < level + 0.02


def test_a_threshold_is_that_of_the_next_review_among_those_that_were_seen() -> None:
    probabilities = np.linspace(0.99, 0.9, 19)  # of the true label 1, the surest first
    found = chosen_thresholds(probabilities, np.ones(19, np.int8))
    assert found.threshold(0.5) == pytest.approx(1 - probabilities[9])  # the 10th of 20 places
    assert found.threshold(0.95) == pytest.approx(1 - probabilities[18])
    assert found.threshold(0.9001) == found.threshold(0.901) > found.threshold(0.9)
    with pytest.raises(InvalidConfigError, match=r"must be from 0\.5 to 0\.95, which 19 valid"):
        found.threshold(0.951)
    with pytest.raises(InvalidConfigError, match=r"--abstain 0\.4: must be from 0\.5"):
        found.threshold(0.4)
    for no_level in (float("nan"), float("inf"), -1e300):
        with pytest.raises(InvalidConfigError, match=r"must be from 0\.5 to 0\.95"):
            found.threshold(no_level)
    with pytest.raises(InvalidConfigError, match=r"--abstain 0\.9: an earlier version of"):
        NO_ABSTENTION.threshold(0.9)


@given(
    arrays(np.float32, st.integers(1, 30), elements=st.floats(0, 1, width=32)),
    st.floats(0, 1),
)
def test_the_likeliest_label_is_always_held(probabilities: np.ndarray, threshold: float) -> None:
    sets = label_sets(probabilities, threshold)
    assert sets[np.arange(len(sets)), answers(probabilities)].all()
    wider = label_sets(probabilities, min(1, threshold + 0.1))
    assert (wider | ~sets).all()


def test_what_was_measured_adds_up() -> None:
    abstention = chosen_thresholds(*drawn(1, 500, 2))
    probabilities, labels = drawn(2, 3000, 2)
    lengths = np.arange(3000)
    found = {one["level"]: one for one in measured_sets(probabilities, labels, lengths, abstention)}
    assert list(found) == [0.8, 0.9, 0.95, 0.99]
    one = found[0.9]
    assert one["coverage"] == pytest.approx(
        one["answered"] * one["accuracy_answered"] + 1 - one["answered"]
    )
    assert one["labels_in_a_set"] == pytest.approx(2 - one["answered"])
    by_label = zip(np.bincount(labels), one["by_label"], strict=True)
    total = sum(count * part["coverage"] for count, part in by_label)
    assert total / 3000 == pytest.approx(one["coverage"])
    low, high = one["coverage_interval_95"]
    assert low < one["coverage"] < high
    assert sum(part["reviews"] for part in one["by_length"]) == 3000
    answered = [part["answered"] for part in found.values()]
    assert answered == sorted(answered, reverse=True)


def test_levels_that_few_reviews_do_not_allow_are_not_measured() -> None:
    few = chosen_thresholds(*drawn(1, 12, 2))
    probabilities, labels = drawn(2, 100, 2)
    found = measured_sets(probabilities, labels, np.arange(100), few)
    assert [one["level"] for one in found] == [0.8, 0.9]
    assert measured_sets(probabilities, labels, np.arange(100), Abstention()) == []


@pytest.mark.parametrize("classes", [2, 3])
def test_a_point_of_the_curve_is_what_the_sets_of_its_level_answer(classes: int) -> None:
    abstention = chosen_thresholds(*drawn(1, 400, classes))
    probabilities, labels = drawn(2, 300, classes)
    curve = answered_curve(probabilities, labels, abstention)
    assert 15 <= len(curve) <= 20
    assert [one["answered"] for one in curve] == sorted({one["answered"] for one in curve})
    for one in curve:
        sets = label_sets(probabilities, abstention.threshold(one["level"]))
        is_sure = sets.sum(axis=1) == 1
        assert one["answered"] == is_sure.mean()
        right = (answers(probabilities) == labels)[is_sure]
        assert one["accuracy_answered"] == pytest.approx(right.mean())
        low, high = one["accuracy_answered_interval_95"]
        assert low < right.mean() <= high
    of_levels = [label_sets(probabilities, most) for most in abstention.thresholds]
    shares = {(sets.sum(axis=1) == 1).mean() for sets in of_levels} - {0}
    assert (curve[0]["answered"], curve[-1]["answered"]) == (min(shares), max(shares))
    assert answered_curve(probabilities, labels, NO_ABSTENTION) == []
