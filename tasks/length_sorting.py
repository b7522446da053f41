"""Reviews of about the same length in each batch, so that little of a batch is padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_BATCHES = 50
"""Of so many batches the reviews are sorted at once. On IMDB, at 200 tokens, their longest reviews
then have 0.82 of these on average, where all reviews sorted would have 0.81."""


def sorted_by_length(
    order: np.ndarray, lengths: np.ndarray, begins: int, size: int, random: np.random.Generator
) -> np.ndarray:
    """Return an order in which reviews of about the same length share a batch.

    Stretches of the order are sorted by length and cut into batches, and these are shuffled. The
    rows of batches that are not whole stay where they are.

    Args:
        order: Positions of reviews, shuffled, shape (n,).
        lengths: Tokens of the review at each position, shape (n,).
        begins: How many rows come before the first whole batch.
        size: Reviews per batch.
        random: Shuffles the batches.
    """
    import numpy as np

    rows = (len(order) - begins) // size * size
    if rows <= 0:
        return order
    parts = [order[:begins]]
    for start in range(begins, begins + rows, _BATCHES * size):
        stretch = order[start : min(start + _BATCHES * size, begins + rows)]
        ascending = stretch[np.argsort(lengths[stretch], kind="stable")]
        parts.append(random.permutation(ascending.reshape(-1, size)).ravel())
    return np.concatenate([*parts, order[begins + rows :]])
