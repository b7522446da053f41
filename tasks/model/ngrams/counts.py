"""Count the word n-grams of reviews, and weigh them by what they tell of the label.

The linear baseline hashes those of whole reviews into the columns of a sparse matrix. The weights
are the log-count ratios of a naive Bayes classifier on the presence of n-grams, see Wang and
Manning, *Baselines and Bigrams*, ACL 2012 (https://aclanthology.org/P12-2018/).
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from tasks.data.text.tokenizer import FIRST_WORD_ID
from tasks.data.text.vocabulary import RaggedTokens
from tasks.model.answers import classes_given

_MOST_COUNTED = 20_000_000
"""N-grams that are counted at a time, 500 MB; beyond, the rarest are forgotten."""

_COLUMN_BITS = 22
"""4,194,304 columns: doubling them gains little, and memory depends on the reviews alone."""

_REVIEWS_AT_ONCE = 4096
_COLUMN_STEP, _COLUMN_MIX = 1_000_003, 0x9E37_79B9_7F4A_7C15


class NgramCounts:
    """In how many reviews of each label an n-gram occurs; takes the reviews part by part.

    `codes` are the n-grams, int64 of shape (n-grams,), `reviews` their counts, a sparse matrix of
    shape (n-grams, labels): most n-grams occur with few of many labels.
    """

    def __init__(self, labels: int = 2, most: int = _MOST_COUNTED) -> None:
        """Begin with nothing.

        Once there are more n-grams than `most`, those in the fewest reviews so far are forgotten,
        as lossy counting does (Manku and Motwani, VLDB 2002).
        """
        self._most, self._forgotten_below = most, 1
        self.codes = np.empty(0, np.int64)
        self.reviews = sp.csr_matrix((0, labels), dtype=np.int64)

    def add(self, codes: np.ndarray, labels: np.ndarray) -> None:
        """Count the n-grams of n reviews, each once in a review.

        `codes` is int64 of shape (n, m), 0 for none; `labels` are numbers from 0 on, shape (n,).
        """
        ordered = np.sort(codes, axis=1)
        counts = ordered > 0
        counts[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
        of_ngram = np.broadcast_to(labels.astype(np.int32)[:, None], ordered.shape)[counts]
        known = self.reviews
        together = [np.repeat(self.codes, known.getnnz(axis=1)), ordered[counts]]
        self.codes, row = np.unique(np.concatenate(together), return_inverse=True)
        label = np.concatenate([known.indices, of_ngram])
        number = np.concatenate([known.data, np.ones(len(of_ngram), np.int64)])
        shape = (len(self.codes), known.shape[1])
        self.reviews = sp.csr_matrix((number, (row, label)), shape)  # adds up what is repeated
        while len(self.codes) > self._most:
            self._forgotten_below += 1
            kept = _of_all_labels(self.reviews) >= self._forgotten_below
            self.codes, self.reviews = self.codes[kept], self.reviews[kept]

    def table(
        self, buckets: np.ndarray, least_reviews: int, smoothing: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the n-gram of each bucket that occurs in the most reviews, with its ratio.

        Codes are int64 of shape (kept n-grams,), ratios those of `log_count_ratios`. `buckets` has
        that of each of `codes`; two n-grams in one bucket cannot both be kept. `smoothing` is how
        many reviews of each label are added to the counts; more of them make the ratios of rare
        n-grams smaller.
        """
        total = _of_all_labels(self.reviews)
        known = np.flatnonzero(total >= least_reviews)
        # Of equally frequent ones the smallest code, so that the order of reviews changes nothing.
        known = known[np.lexsort((self.codes[known], -total[known], buckets[known]))]
        kept = np.sort(known[np.flatnonzero(np.diff(buckets[known], prepend=-1))])
        return self.codes[kept], log_count_ratios(self.reviews[kept], smoothing)


def log_count_ratios(reviews: sp.csr_matrix, smoothing: float, unseen: int = 0) -> np.ndarray:
    """Return how much likelier each n-gram is in a label than in the others, as a logarithm.

    `reviews` are those of each label that have the n-gram, shape (n-grams, labels); `unseen` is how
    many n-grams there are besides, which are in none. The ratios are float32 of shape (n-grams,
    numbers): of two labels those of label 1, of more those of each.
    """
    by_label, all_labels = reviews.tocsc(), _of_all_labels(reviews)
    given = classes_given(reviews.shape[1])
    ratios = np.empty((len(all_labels), len(given)), np.float32)
    for place, label in enumerate(given):
        ones = by_label[:, [label]].toarray()[:, 0]
        shares = []
        for part in (ones, all_labels - ones):
            share = part + float(smoothing)
            share /= share.sum() + unseen * smoothing
            shares.append(share)
        shares[0] /= shares[1]
        ratios[:, place] = np.log(shares[0])
    return ratios


def _of_all_labels(reviews: sp.csr_matrix) -> np.ndarray:
    return np.asarray(reviews.sum(axis=1)).ravel()


def ngram_presence(tokens: pa.ChunkedArray, longest: int) -> sp.csr_matrix:
    """Return 1.0 for each n-gram of 1 to `longest` words in each review, shape (n, 2 ** 22).

    An n-gram with the start, padding or an unknown word is left out. A row takes 8 bytes for each
    of its n-grams, whatever the number of columns.
    """
    parts = []
    for start in range(0, max(len(tokens), 1), _REVIEWS_AT_ONCE):
        reviews = RaggedTokens.of(tokens.slice(start, _REVIEWS_AT_ONCE).combine_chunks())
        rows = np.repeat(np.arange(len(reviews), dtype=np.int32), reviews.lengths())
        pairs = list(_occurrences(reviews.ids, rows, longest))
        row, column = (np.concatenate(side) for side in zip(*pairs, strict=True))
        shape = (len(reviews), 1 << _COLUMN_BITS)
        part = sp.csr_matrix((np.ones(len(row), np.float32), (row, column)), shape)
        part.sum_duplicates()
        part.data[:] = 1
        parts.append(part)
    return sp.vstack(parts, format="csr")


def _occurrences(
    ids: np.ndarray, rows: np.ndarray, longest: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows and columns of all n-grams, for each number of words."""
    is_word = ids >= FIRST_WORD_ID
    whole, hashes = is_word, ids.astype(np.uint64)
    for words in range(1, longest + 1):
        if words > 1:
            last = ids[words - 1 :].astype(np.uint64)
            hashes = hashes[:-1] * np.uint64(_COLUMN_STEP) + last
            same = rows[words - 1 :] == rows[: len(rows) - words + 1]
            whole = whole[:-1] & is_word[words - 1 :] & same
        # The product's high bits depend on all bits of the hash.
        mixed = (hashes[whole] + np.uint64(words)) * np.uint64(_COLUMN_MIX)
        columns = mixed >> np.uint64(64 - _COLUMN_BITS)
        yield rows[: len(whole)][whole], columns.astype(np.int32)


def reviews_by_label(present: sp.csr_matrix, labels: np.ndarray) -> sp.csr_matrix:
    """Return in how many reviews of each label a column is there, shape (labels, columns).

    `present` has ones and zeros, shape (n, columns); `labels` are numbers from 0 on, shape (n,).
    """
    is_label = sp.csr_matrix((np.ones(len(labels)), (labels, np.arange(len(labels)))))
    return is_label @ present


def token_counts(tokens: RaggedTokens, width: int, dtype: type) -> sp.csr_matrix:
    """Return how often each id occurs in each review, shape (n, width); all are below `width`.

    As `bool` it is whether each id occurs.
    """
    ones: np.ndarray = np.ones(len(tokens.ids), dtype)
    # A copy, since the sum puts the ids of each review in order.
    parts = (ones, tokens.ids, tokens.offsets)
    counts = sp.csr_matrix(parts, (len(tokens), width), copy=True)
    counts.sum_duplicates()
    return counts
