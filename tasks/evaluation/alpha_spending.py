"""How strict a comparison must be that is not the first on the same test reviews.

Each interim test on a test set is a chance to be wrong, so the tests share one level: test k gets
level / (k (k + 1)). These shares sum to the level over any number of tests. So the probability
that any of them promotes a model that is not better is at most the level, whatever the true
order of the models (Bonferroni's inequality). It holds for challengers that were not made with
the answers of earlier tests in mind; who tunes on them needs new test reviews.

Source: J. Tian and A. Ramdas, "Online control of the familywise error rate", Statistical Methods
in Medical Research 30 (2021), 976-993: alpha-spending.
"""

from collections.abc import Iterable

from tasks.common.records import Record

METHOD = "alpha spending: level / (k (k + 1)) for interim test k"


class Look(Record):
    """Which interim test on the same test reviews a comparison is, and the level it may use."""

    number: int
    level: float
    adjusted_level: float
    method: str = METHOD


def next_look(level: float, earlier: Iterable[tuple[str, str]], pair: tuple[str, str]) -> Look:
    """Return which interim test comparing `pair` is.

    All interim tests share `level`. Pairs are challenger and champion, the earlier ones on these
    test reviews, oldest first. A repeated comparison shows nothing new, so it keeps its number.
    """
    distinct = list(dict.fromkeys([*earlier, pair]))
    number = distinct.index(pair) + 1
    return Look(number=number, level=level, adjusted_level=level / (number * (number + 1)))


def look_text(look: Look) -> str:
    """Return which interim test it is, and what it may use of the level by which method."""
    return (
        f"interim test {look.number} on these test reviews: it may use {look.adjusted_level:.2g} of"
        f" the level {look.level:g} ({look.method})"
    )
