"""The order of the training batches: explicit, and a function of (seed, epoch) alone.

Two levels, so that memory does not grow with the reviews: an epoch's order of the row groups is
drawn, as many of them as fit into a buffer are decoded, and the reviews in the buffer are shuffled.
A set that fits into the buffer is permuted as a whole. See L. Xu et al., "In-Database Machine
Learning with CorgiPile: Stochastic Gradient Descent without Full Data Shuffle", SIGMOD 2022.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tasks.common.seeds import generator

Batch = tuple[np.ndarray, np.ndarray]


class GroupedReviews(Protocol):
    """Reviews in row groups, of which some are held decoded; see `tasks.training.row_groups`."""

    rows: list[int]

    def hold(self, groups: Sequence[int]) -> None:
        """Decode these row groups, and let go of all others."""

    def take(self, rows: np.ndarray) -> Batch:
        """Return tokens and labels at these positions among the reviews held."""


@dataclass(frozen=True)
class Shuffle:
    """What the batches of an epoch depend on, besides the reviews and the epoch.

    Attributes:
        seed: The run's seed.
        buffer: Most reviews that are held; one row group is held even where it has more.
        batch_size: Reviews per batch.
    """

    seed: int
    buffer: int
    batch_size: int


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Return the number of batches of an epoch; the last one may be smaller."""
    return -(-rows // batch_size)


def buffered_groups(rows: Sequence[int], shuffle: Shuffle, epoch: int) -> list[list[int]]:
    """Return which row groups are held together, one list after another, in an epoch.

    Args:
        rows: Reviews of each row group.
        shuffle: Seed and size of the buffer.
        epoch: From 0 on.
    """
    order = generator(shuffle.seed, "row groups", epoch).permutation(len(rows)).tolist()
    buffers: list[list[int]] = []
    held = 0
    for group in order:
        if not buffers or held + rows[group] > shuffle.buffer:
            buffers.append([])
            held = 0
        buffers[-1].append(group)
        held += rows[group]
    # In the order of the file: it is read forwards, and the same groups are the same buffer.
    return [sorted(groups) for groups in buffers]


def epoch_batches(
    reviews: GroupedReviews, shuffle: Shuffle, epoch: int, first_step: int = 0
) -> Iterator[Batch]:
    """Yield the batches of one epoch, every review once, in that epoch's own order.

    Batches before `first_step` are passed over by the numbers of rows alone: no row group is
    decoded of which no review is yielded.

    Args:
        reviews: The training reviews, at least one.
        shuffle: Seed, size of the buffer, size of a batch.
        epoch: From 0 on.
        first_step: The batch to begin with.

    Yields:
        int32 tokens of shape (batch, maxlen), float32 labels of shape (batch, 1).
    """
    size, skipped = shuffle.batch_size, first_step * shuffle.batch_size
    random = generator(shuffle.seed, "shuffle", epoch)
    begun: list[Batch] = []  # of a batch whose rest is in the next buffer
    missing = size
    for groups in buffered_groups(reviews.rows, shuffle, epoch):
        order = random.permutation(sum(reviews.rows[group] for group in groups))
        if skipped >= len(order):
            skipped -= len(order)
            continue
        reviews.hold(groups)
        start, skipped = skipped, 0
        while start < len(order):
            part = reviews.take(order[start : start + missing])
            start, missing = start + missing, missing - len(part[1])
            begun.append(part)
            if not missing:
                yield _joined(begun)
                begun, missing = [], size
    if begun:
        yield _joined(begun)


def _joined(parts: list[Batch]) -> Batch:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def endless_batches(
    reviews: GroupedReviews, shuffle: Shuffle, first_epoch: int = 0, first_step: int = 0
) -> Iterator[Batch]:
    """Yield the batches of `first_epoch` from `first_step` on, of the next epoch, and so on."""
    yield from epoch_batches(reviews, shuffle, first_epoch, first_step)
    for epoch in itertools.count(first_epoch + 1):
        yield from epoch_batches(reviews, shuffle, epoch)
