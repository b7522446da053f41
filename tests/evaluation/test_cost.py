import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config.training import Costs
from tasks.evaluation.cost import chosen_cut, cost_facts
from tasks.reports.verdict import cost_sentence

COSTS = Costs(fp=5, fn=1)


def drawn(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities that come true, and labels."""
    chance = np.random.default_rng(seed)
    given = chance.random(count)
    return given.astype(np.float32), (chance.random(count) < given).astype(np.int8)


def total(probabilities: np.ndarray, labels: np.ndarray, cut: float) -> float:
    said = probabilities > cut
    return float(5 * (said & (labels == 0)).sum() + (~said & (labels == 1)).sum())


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_no_other_cut_costs_less(seed: int, count: int) -> None:
    probabilities, labels = drawn(seed, count)
    cut = chosen_cut(probabilities, labels, COSTS)
    others = [0, *probabilities, 1]
    least = min(total(probabilities, labels, other) for other in others)
    assert total(probabilities, labels, cut) == least


def test_the_cut_of_many_probabilities_that_come_true_is_that_of_the_costs() -> None:
    assert chosen_cut(*drawn(0, 50_000), COSTS) == pytest.approx(5 / 6, abs=0.03)
    assert chosen_cut(*drawn(0, 50_000), Costs(fp=1, fn=5)) == pytest.approx(1 / 6, abs=0.03)


def test_of_equally_good_cuts_it_is_the_nearest_to_that_of_the_costs() -> None:
    probabilities, labels = np.array([0.1, 0.2, 0.9, 0.95]), np.array([0, 0, 1, 1])
    assert chosen_cut(probabilities, labels, COSTS) == pytest.approx(0.55)
    assert chosen_cut(probabilities, np.zeros(4), COSTS) == pytest.approx(0.975)


def test_what_a_review_costs_is_a_mean_with_an_interval_around_it() -> None:
    probabilities, labels = drawn(1, 4000)
    cut = chosen_cut(*drawn(2, 4000), COSTS)
    found = cost_facts(probabilities, labels, COSTS, cut)
    assert found["cost"] == pytest.approx(total(probabilities, labels, cut) / 4000)
    assert found["cost_at_half"] == pytest.approx(total(probabilities, labels, 0.5) / 4000)
    for name in ("cost", "cost_at_half", "saved"):
        low, high = found[f"{name}_interval_95"]
        assert low < found[name] < high < low + 0.3
    assert found["saved"] == pytest.approx(found["cost_at_half"] - found["cost"])
    assert found["saved_interval_95"][0] > 0
    assert found["accuracy"] == np.mean((probabilities > cut) == labels)
    text = cost_sentence(COSTS._asdict() | found)
    assert (
        f"above {cut:.4f}, the cut of the least cost on the validation reviews (fp=5, fn=1)" in text
    )


def test_the_interval_holds_the_mean_of_all_reviews_about_as_often_as_it_says() -> None:
    probabilities, labels = drawn(3, 500_000)
    mean = total(probabilities, labels, 0.8) / len(labels)
    held = 0
    for seed in range(100):
        found = cost_facts(*drawn(seed + 10, 400), COSTS, 0.8)
        low, high = found["cost_interval_95"]
        held += low <= mean <= high
    assert held >= 88
