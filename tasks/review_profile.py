"""What a set of reviews is like as far as drift is concerned, read batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.review_files import read_parquet
from tasks.tokenize_text import START_ID
from tasks.word_index import RaggedTokens

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True)
class ReviewProfile:
    """Figures of n reviews, and the words of some of them.

    Attributes:
        lengths: Words of each review, int64, shape (n,).
        unknown: Those that the champion does not know, int64, shape (n,).
        labels: 0 or 1, int8, shape (n,).
        sample: Token ids of the sampled reviews, without start ids.
    """

    lengths: np.ndarray
    unknown: np.ndarray
    labels: np.ndarray
    sample: RaggedTokens


def review_profile(file: Path, is_known: np.ndarray, sampled: np.ndarray) -> ReviewProfile:
    """Return the profile of a Parquet file of reviews as the `load` step writes them.

    Args:
        file: Token lists and labels.
        is_known: Whether the champion's network knows the word of a token id, bool, shape (ids,).
        sampled: Whether a review is in the sample, bool, shape (n,).
    """
    import numpy as np

    lengths, unknown, labels, ids, sample_lengths = [], [], [], [], []
    start = 0
    for batch in read_parquet(file):
        words, offsets = _words(batch["tokens"])
        taken = sampled[start : start + batch.num_rows]
        counts = np.diff(offsets)
        lengths.append(counts)
        unknown.append(np.diff(np.concatenate([[0], np.cumsum(~is_known[words])])[offsets]))
        labels.append(batch["label"].to_numpy())
        ids.append(words[np.repeat(taken, counts)])
        sample_lengths.append(counts[taken])
        start += batch.num_rows
    ends = np.cumsum(np.concatenate(sample_lengths))
    return ReviewProfile(
        lengths=np.concatenate(lengths),
        unknown=np.concatenate(unknown),
        labels=np.concatenate(labels),
        sample=RaggedTokens(np.concatenate(ids), np.concatenate([[0], ends])),
    )


def sampled_rows(rows: int, sample: int, random: np.random.Generator) -> np.ndarray:
    """Return a mask of shape (rows,) that marks `sample` rows, or all where there are fewer."""
    import numpy as np

    mask = np.zeros(rows, bool)
    mask[random.permutation(rows)[:sample]] = True
    return mask


def _words(tokens: pa.ListArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the flat ids of a batch without start ids, and where each review begins."""
    import numpy as np

    ids = tokens.flatten().to_numpy()
    offsets = tokens.offsets.to_numpy().astype(np.int64)
    is_word = ids != START_ID
    return ids[is_word], np.concatenate([[0], np.cumsum(is_word)])[offsets - offsets[0]]
