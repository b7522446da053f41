"""Which reviews runs have learned from, and those that they have not seen."""

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.data.text.corpus import distinct_reviews, occurrences_in
from tasks.runs.find import Run
from tasks.runs.read import PARTS, checked_file


def seen_hashes(*runs: Run) -> np.ndarray:
    """Return the distinct hashes of the reviews that runs have learned from or chosen by.

    They are uint64, in ascending order.
    """
    return distinct_reviews(np.concatenate([_seen(run) for run in runs]))


def unseen(text_hashes: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return which of n reviews are not among the sorted hashes that were `seen`.

    `text_hashes` is uint64, the result bool, both of shape (n,). Reviews are the same where their
    words are.
    """
    return ~occurrences_in(seen, text_hashes)


def _seen(run: Run) -> np.ndarray:
    parts = pq.read_table(checked_file(run, PARTS))
    if run.manifest.score.protocol == "tutorial":  # it chose by its test reviews
        return np.asarray(parts["text_hash"])
    return np.asarray(parts.filter(pc.not_equal(parts["part"], "test"))["text_hash"])
