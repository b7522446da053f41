from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from tasks.model.ngrams import counts as model_ngrams
from tasks.model.ngrams.counts import NgramCounts, log_count_ratios, ngram_presence
from tasks.model.ngrams.hashing import ngram_hashes

WORDS, BUCKETS = 300, 1 << 16

CODES = st.lists(st.tuples(st.lists(st.integers(0, 9), min_size=6, max_size=6), st.booleans()))

REVIEWS = st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=1, max_size=6)


def hashes(tokens: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Return buckets and fingerprints of all n-grams of padded reviews."""
    import keras

    source = keras.Input((tokens.shape[1],), dtype="int32")
    model = keras.Model(source, ngram_hashes(source, longest, BUCKETS))
    buckets, fingerprints = model.predict(tokens.astype(np.int32), batch_size=4096, verbose=0)
    return buckets, fingerprints


def test_pairs_of_words_spread_over_the_buckets_and_are_told_apart_by_their_fingerprints() -> None:
    first, second = np.divmod(np.arange(WORDS * WORDS), WORDS)
    buckets, fingerprints = hashes(np.stack([first, second], axis=1) + 4, 2)
    pairs, marks = buckets[:, 2], fingerprints[:, 2]
    assert pairs.min() >= 1
    assert pairs.max() < BUCKETS
    counts = np.bincount(pairs, minlength=BUCKETS)[1:]
    # As many per bucket as by chance: a Poisson distribution has its mean as variance.
    assert 0.9 < counts.var() / counts.mean() < 1.1
    assert marks.max() < 1 << 24
    assert (marks == np.round(marks)).all()
    codes = pairs.astype(np.int64) << 24 | marks.astype(np.int64)
    assert len(np.unique(codes)) == len(codes)


def test_the_order_of_words_and_their_number_matter() -> None:
    buckets, fingerprints = hashes(np.array([[5, 6, 5]]), 3)
    one, two, three, ab, ba, aba = zip(buckets[0], fingerprints[0], strict=True)
    assert one == three
    assert len({one, two, ab, ba, aba}) == 5


def test_an_ngram_is_the_same_wherever_it_stands() -> None:
    buckets, fingerprints = hashes(np.array([[0, 0, 1, 7, 8], [7, 8, 9, 9, 9]]), 2)
    assert (buckets[0, 8], fingerprints[0, 8]) == (buckets[1, 5], fingerprints[1, 5])


def test_padding_start_and_unknown_words_make_no_ngram() -> None:
    buckets, _ = hashes(np.array([[0, 1, 2, 3, 4]]), 2)
    assert buckets[0].tolist()[:4] == [0, 0, 0, 0]
    assert buckets[0, 4] > 0
    assert (buckets[0, 5:] == 0).all()


def counted(reviews: list[tuple[list[int], bool]], size: int, most: int = 1000) -> NgramCounts:
    counts = NgramCounts(2, most)
    for start in range(0, len(reviews), size):
        part = reviews[start : start + size]
        codes = np.array([codes for codes, _ in part], np.int64)
        counts.add(codes, np.array([label for _, label in part], np.float32))
    return counts


@given(CODES, st.integers(1, 5))
def test_ngrams_are_counted_once_a_review(reviews: list[tuple[list[int], bool]], size: int) -> None:
    counts = counted(reviews, size)
    expected = Counter((code, label) for codes, label in reviews for code in set(codes) - {0})
    found = {
        (code, label): int(number)
        for code, both in zip(counts.codes.tolist(), counts.reviews.toarray(), strict=True)
        for label, number in zip((False, True), both, strict=True)
        if number
    }
    assert found == dict(expected)
    assert counts.codes.tolist() == sorted(set(counts.codes.tolist()))


def test_a_bucket_keeps_the_ngram_of_the_most_reviews() -> None:
    counts = counted([([1, 2, 3, 0, 0, 0], True), ([2, 3, 0, 0, 0, 0], False)] * 2, 2)
    codes, ratios = counts.table(np.array([5, 5, 6]), least_reviews=1, smoothing=1)
    assert codes.tolist() == [2, 3]
    np.testing.assert_allclose(ratios, [[0], [0]], atol=1e-6)


def test_rare_ngrams_are_not_kept_and_smoothing_shrinks_the_ratios() -> None:
    reviews = [([1, 4, 0, 0, 0, 0], True)] * 3 + [([2, 4, 0, 0, 0, 0], False)] * 3
    counts = counted([*reviews, ([3, 0, 0, 0, 0, 0], True)], 7)
    buckets = counts.codes
    (codes, sharp), (_, smooth) = (counts.table(buckets, 2, by) for by in (0.1, 100))
    assert codes.tolist() == [1, 2, 4]
    assert sharp[0] > 3
    assert 0.1 > smooth[0] > 0 > smooth[1] > -0.1


def test_a_full_table_forgets_what_few_reviews_have() -> None:
    common = [([7, 8, number, number + 100, 0, 0], True) for number in range(10, 40)]
    counts = counted(common, 3, most=12)
    assert len(counts.codes) <= 12
    kept = dict(zip(counts.codes.tolist(), counts.reviews.toarray().sum(axis=1), strict=True))
    assert (kept[7], kept[8]) == (30, 30)


def test_no_ngram_gives_an_empty_table() -> None:
    counts = counted([([0] * 6, True)], 1)
    assert [len(part) for part in counts.table(counts.codes, 1, 1)] == [0, 0]


def as_tokens(reviews: list[list[int]]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(reviews, pa.list_(pa.int32()))])


@given(REVIEWS, st.integers(1, 4))
def test_a_row_has_one_for_each_distinct_ngram(reviews: list[list[int]], longest: int) -> None:
    present = ngram_presence(as_tokens(reviews), longest)
    assert present.shape == (len(reviews), 1 << 22)
    assert set(present.data) <= {1.0}
    columns: dict[tuple[int, ...], set[int]] = {}
    for row, review in enumerate(reviews):
        ngrams = {
            tuple(review[start : start + words])
            for words in range(1, longest + 1)
            for start in range(len(review) - words + 1)
            if min(review[start : start + words]) > 3
        }
        found = set(present[row].indices.tolist())
        # Two of so few share a column now and then, four hardly ever.
        assert len(ngrams) - 1 <= len(found) <= len(ngrams)
        for ngram in ngrams:
            columns[ngram] = columns.get(ngram, found) & found
    assert all(columns.values())  # an n-gram has the same column in all reviews


def test_reviews_part_by_part_give_the_same_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    tokens = as_tokens([random.integers(0, 50, 20).tolist() for _ in range(30)])
    whole = ngram_presence(tokens, 2)
    monkeypatch.setattr(model_ngrams, "_REVIEWS_AT_ONCE", 7)
    assert (ngram_presence(tokens, 2) != whole).nnz == 0


def test_no_review_gives_no_row() -> None:
    assert ngram_presence(as_tokens([]), 2).shape == (0, 1 << 22)


def test_a_ratio_is_that_of_the_smoothed_shares() -> None:
    reviews = sp.csr_matrix([[0, 2], [1, 1], [0, 0]])
    ratios = log_count_ratios(reviews, 1)
    ones, zeros = np.array([3, 2, 1]) / 6, np.array([1, 2, 1]) / 4
    np.testing.assert_allclose(ratios, np.log(ones / zeros)[:, None], rtol=1e-6)
    # An n-gram that no review has counts the same if it is only said to be there.
    np.testing.assert_array_equal(log_count_ratios(reviews[:2], 1, unseen=1), ratios[:2])


def test_of_more_labels_each_has_a_ratio_against_all_others() -> None:
    reviews = np.array([[0, 2, 3], [1, 1, 0], [0, 0, 7]])
    ratios = log_count_ratios(sp.csr_matrix(reviews), 1)
    for label in range(3):
        of_two = np.stack(
            [np.delete(reviews, label, axis=1).sum(axis=1), reviews[:, label]], axis=1
        )
        np.testing.assert_array_equal(
            ratios[:, [label]], log_count_ratios(sp.csr_matrix(of_two), 1)
        )
