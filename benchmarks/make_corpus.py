"""Write a file of made-up reviews of any size, in chunks.

Words are invented syllables whose frequencies fall as Zipf's law says, and lengths are spread as
those of the IMDB reviews are. No word comes from a real review.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import cyclopts
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

VOCABULARY = 60_000
"""Distinct words. Few enough for the smallest corpus to hold nearly all, so that only the number of
reviews grows: in real texts the vocabulary grows too."""

_CHUNK_ROWS = 10_000
_CELLS = 1 << 20
_LOG_MEAN, _LOG_SPREAD = 5.26, 0.64
"""Of the lengths of the IMDB training reviews: mean and standard deviation of their logarithms."""

_SHORTEST, _LONGEST = 10, 2500
_LABELS = pa.array(["neg", "pos"])


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


def main(path: Path, *, reviews: int = 25_000, seed: int = 0, mean_length: float = 1.0) -> None:
    """Write a corpus.

    Args:
        path: The CSV file.
        reviews: How many reviews.
        seed: Of the words, lengths and labels.
        mean_length: Factor on the lengths; 1 is that of the IMDB reviews.
    """
    write_corpus(path, reviews, seed, mean_length)


if __name__ == "__main__":
    cyclopts.run(main)
