"""Choose a share of the rows of each class, the same ones for the same seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.errors import BadDataError
from tasks.seeds import generator

if TYPE_CHECKING:
    import numpy as np


def stratified_sample(labels: np.ndarray, fraction: float, seed: int, purpose: str) -> np.ndarray:
    """Return a boolean mask of shape (n,) that marks about `fraction` of each class.

    Raises:
        BadDataError: A class is too small to have rows on both sides.
    """
    import numpy as np

    chosen = np.zeros(len(labels), bool)
    random = generator(seed, purpose)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = round(fraction * len(rows))
        if not 0 < count < len(rows):
            raise BadDataError(
                f"class {label} has {len(rows)} reviews, of which a share of {fraction} for the"
                f" {purpose} leaves one side empty; add reviews or change the share"
            )
        chosen[random.permutation(rows)[:count]] = True
    return chosen
