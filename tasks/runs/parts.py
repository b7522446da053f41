"""Which reviews a run has learned from, and those that several models have not seen."""

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.runs.find import Run
from tasks.runs.read import PARTS, checked_file


def seen_hashes(run: Run) -> np.ndarray:
    """Return the hash of each review that a run has learned from or chosen by, uint64."""
    parts = pq.read_table(checked_file(run, PARTS))
    if run.manifest.score.protocol == "tutorial":  # it chose by its test reviews
        return np.asarray(parts["text_hash"])
    return np.asarray(parts.filter(pc.not_equal(parts["part"], "test"))["text_hash"])


def unseen(text_hashes: np.ndarray, *runs: Run) -> np.ndarray:
    """Return which of n reviews none of the runs has learned from or chosen by.

    `text_hashes` is uint64, the result bool, both of shape (n,). Reviews are the same where their
    words are.
    """
    mask = np.ones(len(text_hashes), bool)
    for run in runs:
        mask &= ~np.isin(text_hashes, seen_hashes(run))
    return mask
