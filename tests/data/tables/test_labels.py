from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.data.tables.labels import changed_labels, in_order, label_name


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (["1", "1.0", "01", "+1", "1e0", "1.", "10e-1"], "1"),
        (["-0", "0", "0.0", ".0"], "0"),
        (["0.5"], "0.5"),
        (["True", "true", "TRUE"], "true"),
        (["", "NaN", "nan", "NULL"], None),
        (["1_0"], "1_0"),
        (["²"], "²"),
        (["inf"], "inf"),
        (["9007199254740993"], "9007199254740993"),
        (["pos "], "pos "),
        (["None"], "None"),
    ],
)
def test_what_means_the_same_is_one_label(texts: list[str], name: str | None) -> None:
    assert {label_name(text) for text in texts} == {name}


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_a_whole_number_is_one_label_as_an_integer_and_as_a_float(number: int) -> None:
    assert label_name(str(number)) == label_name(repr(float(number))) == str(number)


@pytest.mark.parametrize(
    "names", [["-1", "0.5", "2", "10"], ["10", "2", "nine"], ["false", "true"], ["긍정", "부정"]]
)
def test_the_order_is_by_value_or_by_text_whatever_comes_first(names: list[str]) -> None:
    for given_order in permutations(names):
        assert in_order(given_order) == names


def test_what_differs_in_labels_is_told_and_not_what_is_the_same() -> None:
    many = [f"label {number}" for number in range(9)]
    for before, now, told in (
        (many, many[1:], "missing: 'label 0'"),
        ([*many, "old"], [*many, "new"], "missing: 'old'; new: 'new'"),
        ([], many, "new: 'label 0', 'label 1', 'label 2', 'label 3', 'label 4', …"),
        (["a", "b"], ["b", "a"], "'b', 'a' instead of 'a', 'b'"),
    ):
        assert changed_labels(before, now) == told
