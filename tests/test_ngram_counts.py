from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.ngram_counts import NgramCounts

CODES = st.lists(st.tuples(st.lists(st.integers(0, 9), min_size=6, max_size=6), st.booleans()))


def counted(reviews: list[tuple[list[int], bool]], size: int, most: int = 1000) -> NgramCounts:
    counts = NgramCounts(most)
    for start in range(0, len(reviews), size):
        part = reviews[start : start + size]
        codes = np.array([codes for codes, _ in part], np.int64)
        counts.add(codes, np.array([label for _, label in part], np.float32))
    return counts


@given(CODES, st.integers(1, 5))
def test_an_ngram_is_counted_once_in_each_review(
    reviews: list[tuple[list[int], bool]], size: int
) -> None:
    counts = counted(reviews, size)
    expected = Counter((code, label) for codes, label in reviews for code in set(codes) - {0})
    found = {
        (code, label): int(number)
        for code, both in zip(counts.codes.tolist(), counts.reviews, strict=True)
        for label, number in zip((False, True), both, strict=True)
        if number
    }
    assert found == dict(expected)
    assert counts.codes.tolist() == sorted(set(counts.codes.tolist()))


def test_a_bucket_keeps_the_ngram_of_the_most_reviews() -> None:
    counts = counted([([1, 2, 3, 0, 0, 0], True), ([2, 3, 0, 0, 0, 0], False)] * 2, 2)
    table = counts.table(np.array([5, 5, 6]), least_reviews=1, smoothing=1)
    assert table.codes.tolist() == [2, 3]
    np.testing.assert_allclose(table.ratios, [0, 0], atol=1e-6)


def test_rare_ngrams_are_not_kept_and_smoothing_shrinks_the_ratios() -> None:
    reviews = [([1, 4, 0, 0, 0, 0], True)] * 3 + [([2, 4, 0, 0, 0, 0], False)] * 3
    counts = counted([*reviews, ([3, 0, 0, 0, 0, 0], True)], 7)
    buckets = counts.codes
    sharp, smooth = (counts.table(buckets, 2, by) for by in (0.1, 100))
    assert sharp.codes.tolist() == [1, 2, 4]
    assert sharp.ratios[0] > 3
    assert 0.1 > smooth.ratios[0] > 0 > smooth.ratios[1] > -0.1


def test_a_full_table_forgets_what_few_reviews_have() -> None:
    common = [([7, 8, number, number + 100, 0, 0], True) for number in range(10, 40)]
    counts = counted(common, 3, most=12)
    assert len(counts.codes) <= 12
    kept = dict(zip(counts.codes.tolist(), counts.reviews.sum(axis=1), strict=True))
    assert (kept[7], kept[8]) == (30, 30)


def test_no_ngram_gives_an_empty_table() -> None:
    counts = counted([([0] * 6, True)], 1)
    table = counts.table(counts.codes, 1, 1)
    assert (len(table.codes), len(table.ratios)) == (0, 0)
