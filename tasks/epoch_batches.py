"""The order of the training batches: explicit, and a function of (seed, epoch) alone."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from tasks.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Return the number of batches of an epoch; the last one may be smaller."""
    return -(-rows // batch_size)


def epoch_batches(
    tokens: np.ndarray, labels: np.ndarray, *, batch_size: int, seed: int, epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the batches of one epoch, every review once, in that epoch's own order.

    Args:
        tokens: int32 of shape (n, maxlen).
        labels: float32 of shape (n, 1).
        batch_size: Reviews per batch.
        seed: The run's seed.
        epoch: From 0 on.
    """
    order = generator(seed, "shuffle", epoch).permutation(len(tokens))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        yield tokens[rows], labels[rows]


def endless_batches(
    tokens: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int,
    seed: int,
    first_epoch: int = 0,
    first_step: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the batches of `first_epoch` from `first_step` on, of the next epoch, and so on."""
    for epoch in itertools.count(first_epoch):
        batches = epoch_batches(tokens, labels, batch_size=batch_size, seed=seed, epoch=epoch)
        yield from itertools.islice(batches, first_step if epoch == first_epoch else 0, None)
