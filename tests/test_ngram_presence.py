import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import ngram_presence as module
from tasks.ngram_presence import ngram_presence

REVIEWS = st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=1, max_size=6)


def as_tokens(reviews: list[list[int]]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(reviews, pa.list_(pa.int32()))])


@given(REVIEWS, st.integers(1, 4))
def test_a_row_has_one_for_each_distinct_ngram_of_words(
    reviews: list[list[int]], longest: int
) -> None:
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
    monkeypatch.setattr(module, "_REVIEWS_AT_ONCE", 7)
    assert (ngram_presence(tokens, 2) != whole).nnz == 0


def test_no_review_gives_no_row() -> None:
    assert ngram_presence(as_tokens([]), 2).shape == (0, 1 << 22)
