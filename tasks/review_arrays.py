"""Padded reviews in memory, as the arrays that the network takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.review_files import padded_matrix, read_parquet

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@dataclass(frozen=True)
class ReviewArrays:
    """n reviews: int32 `tokens` of shape (n, maxlen), float32 `labels` of shape (n, 1)."""

    tokens: np.ndarray
    labels: np.ndarray
    review_ids: np.ndarray

    def __len__(self) -> int:
        """Return the number of reviews."""
        return len(self.labels)


def read_arrays(path: Path) -> ReviewArrays:
    """Return the padded reviews of a Parquet file, in the file's order."""
    import numpy as np

    batches = list(read_parquet(path))
    return ReviewArrays(
        tokens=np.concatenate([padded_matrix(batch["tokens"]) for batch in batches]),
        labels=np.concatenate([batch["label"] for batch in batches]).astype(np.float32)[:, None],
        review_ids=np.concatenate([batch["review_id"] for batch in batches]),
    )
