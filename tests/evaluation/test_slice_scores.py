from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import fisher_exact

from tasks.evaluation.significance import SliceScore, holm
from tasks.evaluation.slices import slice_groups, slice_scores
from tests.evaluation.test_slices import made

NAMES = ["bad", "good"]


def judged(count: int, wrong: np.ndarray) -> dict[str, np.ndarray]:
    """Return labels and probabilities of which those marked are wrong."""
    label = np.arange(count) % 2
    right = np.where(label == 1, 0.9, 0.1)
    return {"label": label, "probability": np.where(wrong, 1 - right, right)}


def scores(
    columns: dict[str, list[str]], wrong: np.ndarray, names: list[str] = NAMES
) -> dict[tuple[str, str], SliceScore]:
    count = len(wrong)
    predictions = replace(made(count), **judged(count, wrong))
    found = slice_scores(predictions.correct, slice_groups(predictions, names, columns))
    return {(one.by, one.name): one for one in found}


def test_a_slice_that_is_worse_than_the_rest_is_said_and_no_other_column() -> None:
    random = np.random.default_rng(0)
    source = np.where(np.arange(800) % 4 == 1, "forum", "shop")
    wrong = random.random(800) < np.where(source == "forum", 0.3, 0.05)
    found = scores({"source": source.tolist(), "week": (["1", "2"] * 400)}, wrong)
    forum = found["source", "forum"]
    assert forum.is_worse
    assert forum.reviews == 200
    assert forum.accuracy == 1 - wrong[source == "forum"].mean()
    assert forum.rest == 1 - wrong[source == "shop"].mean()
    assert forum.accuracy_low < forum.accuracy < forum.accuracy_high
    table = [[int(200 * forum.accuracy + 0.5), 0], [int(600 * forum.rest + 0.5), 0]]
    table[0][1], table[1][1] = 200 - table[0][0], 600 - table[1][0]
    alone = fisher_exact(table, alternative="less").pvalue
    assert forum.p_value == pytest.approx(alone * len(found))
    assert not found["source", "shop"].is_worse
    assert {by for by, _ in found} == {"label", "tokens", "unknown words, %", "source", "week"}


def test_where_nothing_is_worse_nearly_no_run_says_so() -> None:
    random = np.random.default_rng(1)
    alarms = 0
    for _ in range(30):
        wrong = random.random(200) < 0.2
        column = random.integers(0, 6, 200).astype(str).tolist()
        alarms += any(one.is_worse for one in scores({"column": column}, wrong).values())
    # At most a twentieth of runs, of which 30 hardly have more than 5.
    assert alarms <= 5


def test_of_many_values_the_most_frequent_are_shown_and_the_rest_together() -> None:
    values = [f"v{min(row % 40, 30)}" for row in range(400)]
    found = [
        one for (by, _), one in scores({"x": values}, np.arange(400) < 40).items() if by == "x"
    ]
    assert len(found) == 8
    assert found[-1].reviews + sum(one.reviews for one in found[:-1]) == 400
    assert any(one.name == "other (24 values)" for one in found)
    assert max(found, key=lambda one: one.reviews if one.name == "v30" else 0).reviews == 100


def test_many_numbers_are_in_quarters_and_few_stay_themselves() -> None:
    years = [str(1900 + row % 100) for row in range(400)]
    found = scores(
        {"year": years, "stars": [str(row % 3) for row in range(400)]}, np.arange(400) < 9
    )
    of_year = [name for by, name in found if by == "year"]
    assert sorted(of_year) == ["1900 to 1924", "1925 to 1949", "1950 to 1974", "1975 to 1999"]
    assert {name for by, name in found if by == "stars"} == {"0", "1", "2"}


def test_a_column_without_values_has_a_name_and_one_value_alone_is_no_slice() -> None:
    found = scores({"x": ["", " ", "a", "a"] * 10, "all": ["same"] * 40}, np.arange(40) < 4)
    assert {name for by, name in found if by == "x"} == {"(empty)", "a"}
    assert not [by for by, _ in found if by == "all"]


def test_p_values_are_corrected_by_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
