"""How strict a comparison must be that is not the first on the same test reviews.

Each look at a test set is a chance to be wrong, so the looks share one level: look k gets
level / (k (k + 1)). These shares sum to the level over any number of looks. So the probability
that any of them promotes a model that is not better is at most the level, whatever the true
order of the models (Bonferroni's inequality). It holds for challengers that were not made with
the answers of earlier looks in mind; who tunes on them needs new test reviews.

Source: J. Tian and A. Ramdas, "Online control of the familywise error rate", Statistical Methods
in Medical Research 30 (2021), 976-993: alpha-spending.
"""

from collections.abc import Iterable

from tasks.common.records import Record

METHOD = "alpha-spending: level / (k (k + 1)) at look k"


class Look(Record):
    """Which look at the same test reviews a comparison is, and the level that it may use."""

    number: int
    level: float
    adjusted_level: float
    method: str = METHOD


def next_look(level: float, earlier: Iterable[tuple[str, str]], pair: tuple[str, str]) -> Look:
    """Return the look that comparing `pair` is.

    Args:
        level: What all looks share.
        earlier: Challenger and champion of each comparison on these test reviews, oldest first.
        pair: Challenger and champion now. To ask the same again shows nothing new, so such a
            comparison keeps its number.
    """
    distinct = list(dict.fromkeys([*earlier, pair]))
    number = distinct.index(pair) + 1
    return Look(number=number, level=level, adjusted_level=level / (number * (number + 1)))


def look_text(look: Look) -> str:
    """Return which look it is, and what it may use of the level by which method."""
    return (
        f"look {look.number} at these test reviews: it may use {look.adjusted_level:.2g} of the"
        f" level {look.level:g} ({look.method})"
    )
