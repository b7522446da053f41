import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.alpha_spending import next_look
from tasks.evaluation.significance import mcnemar_p_value

PAIRS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")))


def test_the_first_interim_test_has_half_of_the_level_and_the_next_ones_less() -> None:
    earlier: list[tuple[str, str]] = []
    levels = []
    for name in "abcd":
        look = next_look(0.06, earlier, (name, "champion"))
        levels.append(look.adjusted_level)
        earlier.append((name, "champion"))
    assert levels == pytest.approx([0.03, 0.01, 0.005, 0.003])


def test_the_levels_of_any_number_of_interim_tests_sum_to_less_than_the_level() -> None:
    earlier = [(str(number), "champion") for number in range(1000)]
    levels = [next_look(0.05, earlier, pair).adjusted_level for pair in earlier]
    assert 0.0499 < sum(levels) < 0.05


@given(PAIRS, st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")))
def test_only_another_question_is_another_look(
    earlier: list[tuple[str, str]], pair: tuple[str, str]
) -> None:
    look = next_look(0.05, earlier, pair)
    assert next_look(0.05, [*earlier, pair, pair], pair) == look
    assert 1 <= look.number <= len(set(earlier)) + 1
    if pair not in earlier:
        assert look.number == len(set(earlier)) + 1


def test_twenty_challengers_that_are_no_better_are_rarely_ever_promoted() -> None:
    chance = random.Random(0)
    levels = [0.05 / (number * (number + 1)) for number in range(1, 21)]
    errors, plain = 0, 0
    for _ in range(300):
        p_values = []
        for _ in levels:
            wins = sum(chance.random() < 0.5 for _ in range(100))
            p_values.append(mcnemar_p_value(wins, 100 - wins) if wins > 50 else 1.0)
        errors += any(p <= level for p, level in zip(p_values, levels, strict=True))
        plain += any(p <= 0.05 for p in p_values)
    assert errors / 300 <= 0.05
    assert plain / 300 > 0.2
