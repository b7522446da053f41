"""Padded reviews that are made up: frequent and rare words, lengths and padding as IMDB's."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.review_files import review_schema, token_lists, write_parquet

_MEAN_LOG_LENGTH, _SD_LOG_LENGTH = 5.2, 0.66
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
    lengths = random.lognormal(_MEAN_LOG_LENGTH, _SD_LOG_LENGTH, rows).astype(int)
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
    ]
    batch = pa.record_batch(columns, schema=review_schema())
    write_parquet(path, [batch], {}, _ROW_GROUP_ROWS)
    return path
