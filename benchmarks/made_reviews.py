"""Reviews that are made up: padded rows, and files of texts of any size.

The frequencies of words fall as Zipf's law says, and lengths are spread as those of the IMDB
reviews. No word of a text comes from a real review: words are invented syllables.
"""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from tasks.data.review_files import review_schema, token_lists, write_parquet

VOCABULARY = 60_000
"""Distinct words. Few enough for the smallest corpus to hold nearly all, so that only the number of
reviews grows: in real texts the vocabulary grows too."""

_CHUNK_ROWS = 10_000

_CELLS = 1 << 20

_LOG_MEAN, _LOG_SPREAD = 5.26, 0.64
"""Of the lengths of the IMDB training reviews: mean and standard deviation of their logarithms."""

_SHORTEST, _LONGEST = 10, 2500

_LABELS = pa.array(["neg", "pos"])

_FIRST_WORD = 4

_ROW_GROUP_ROWS = 2048


def padded_reviews(
    rows: int, *, seed: int, maxlen: int = 200, num_words: int = 10_000
) -> tuple[np.ndarray, np.ndarray]:
    """Return int32 tokens (rows, maxlen), padded in front, and labels (rows,), 0 and 1 in turn.

    The ranks of the words follow Zipf's law; a common word tells the label.
    """
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(1, num_words - _FIRST_WORD + 1)
    words = random.choice(len(shares), (rows, maxlen), p=shares / shares.sum()) + _FIRST_WORD
    lengths = random.lognormal(_LOG_MEAN, _LOG_SPREAD, rows).astype(int)
    labels = np.arange(rows) % 2
    words[:, -1] = _FIRST_WORD + 9 + labels
    words[np.arange(maxlen) < maxlen - lengths[:, None]] = 0
    return words.astype(np.int32), labels


def write_padded(path: Path, tokens: np.ndarray, labels: np.ndarray) -> Path:
    """Write the reviews as the `persist-parquet` step does, and return the path."""
    rows, maxlen = tokens.shape
    lists = token_lists(tokens.ravel(), np.arange(0, tokens.size + 1, maxlen))
    columns = [
        pa.array(np.arange(rows), pa.int32()),
        pa.array(labels, pa.int8()),
        lists,
        pa.array(np.count_nonzero(tokens, axis=1), pa.int32()),
        pa.array(np.zeros(rows), pa.int32()),
        *[pa.array(np.arange(rows), pa.uint64())] * 2,
    ]
    batch = pa.record_batch(columns, schema=review_schema())
    write_parquet(path, [batch], {}, _ROW_GROUP_ROWS)
    return path


def made_up_words(count: int = VOCABULARY) -> pa.Array:
    """Return `count` distinct words of two to four syllables, short ones first."""
    syllables = ["".join(pair) for pair in itertools.product("bdfgklmnprstvz", "aeiou")]
    words = itertools.chain.from_iterable(
        map("".join, itertools.product(syllables, repeat=length)) for length in (2, 3, 4)
    )
    return pa.array(itertools.islice(words, count))


def write_corpus(
    path: Path,
    reviews: int,
    seed: int = 0,
    mean_length: float = 1.0,
    vocabulary: int = VOCABULARY,
) -> None:
    """Write `reviews` rows of `text` and `label` as CSV.

    Args:
        path: The file.
        reviews: How many.
        seed: Of the words, lengths and labels.
        mean_length: Factor on the lengths; 1 is that of the IMDB reviews.
        vocabulary: Distinct words.
    """
    random = np.random.default_rng(seed)
    words = made_up_words(vocabulary)
    shares = 1 / np.arange(3, 3 + len(words))
    # A word for each of many equal cells: quick to draw from.
    cells = np.searchsorted(np.cumsum(shares / shares.sum()), (np.arange(_CELLS) + 0.5) / _CELLS)
    schema = pa.schema({"text": pa.string(), "label": pa.string()})
    with csv.CSVWriter(path, schema) as writer:
        for start in range(0, reviews, _CHUNK_ROWS):
            rows = min(_CHUNK_ROWS, reviews - start)
            lengths = mean_length * random.lognormal(_LOG_MEAN, _LOG_SPREAD, rows)
            lengths = np.clip(lengths, _SHORTEST, _LONGEST).astype(np.int32)
            drawn = cells[random.integers(0, _CELLS, lengths.sum())]
            offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
            lists = pa.ListArray.from_arrays(pa.array(offsets), words.take(pa.array(drawn)))
            labels = _LABELS.take(pa.array(random.integers(0, 2, rows)))
            writer.write_batch(pa.record_batch([pc.binary_join(lists, " "), labels], schema=schema))
