import shlex
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.config.training import listed_name, plain_names
from tasks.data.tables.labels import LabelRules, changed_labels, in_order, label_name


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


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, []),
        (' bad , "quoted",', ["bad", '"quoted"']),
        ('"Straße, nass",x', ["Straße, nass", "x"]),
        ("a=b,c", ["a=b", "c"]),
        ('"a=b", c', ["a=b", "c"]),
        ('5" tv,6" tv', ['5" tv', '6" tv']),
        ('"a,b', ['"a', "b"]),
        ('"a"b,c', ['"a"b', "c"]),
    ],
)
def test_a_name_with_a_comma_stands_in_quotes_and_other_names_keep_theirs(
    text: str | None, names: list[str]
) -> None:
    assert plain_names(text) == names


@given(st.lists(st.text("ab,=; ", min_size=1).map(str.strip).filter(bool)))
def test_a_list_of_names_is_read_as_it_is_told(names: list[str]) -> None:
    assert plain_names(",".join(map(listed_name, names))) == names


def test_labels_with_signs_of_the_list_are_merged_and_dropped() -> None:
    rules = LabelRules(merge_labels='"a=b"="c, d" , 3.0 = 7', drop_labels='"e, f"')
    found = {"a=b": 20, "c, d": 10, "3": 10, "7": 10, "e, f": 9}
    assert rules.kept(found) == {"c, d": 30, "7": 20}
    with pytest.raises(InvalidConfigError, match=r'needs double quotes, as "c, d"$'):
        LabelRules(drop_labels="c, d").require_known(["c, d", "x"])


def test_labels_with_few_reviews_are_named_so_that_they_can_be_dropped() -> None:
    counts = {"a": 50, "b": 50, "it's, so": 3, "z": 9}
    with pytest.raises(BadDataError, match="out with --drop-labels ") as raised:
        LabelRules().names(counts, "label")
    words = shlex.split(str(raised.value).rpartition("leave them out with ")[2])
    assert LabelRules(drop_labels=words[1]).kept(counts) == {"a": 50, "b": 50}
