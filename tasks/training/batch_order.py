"""The order of the training batches: explicit, and a function of (seed, epoch) alone.

Two levels, so that memory does not grow with the reviews: an epoch's order of the row groups is
drawn, as many of them as fit into a buffer are decoded, and the reviews in the buffer are shuffled.
A set that fits into the buffer is permuted as a whole. See L. Xu et al., "In-Database Machine
Learning with CorgiPile: Stochastic Gradient Descent without Full Data Shuffle", SIGMOD 2022.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from tasks.common.seeds import generator
from tasks.config.training import FitConfig
from tasks.training.row_groups import Batch, RowGroups


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Return the number of batches of an epoch; the last one may be smaller."""
    return -(-rows // batch_size)


def buffered_groups(rows: Sequence[int], fit: FitConfig, epoch: int) -> list[list[int]]:
    """Return which row groups are held together, one list after another, in an epoch from 0 on.

    `rows` are the reviews of each group. A group with more than the buffer is held alone.
    """
    order = generator(fit.seed, "row groups", epoch).permutation(len(rows)).tolist()
    buffers: list[list[int]] = []
    held = 0
    for group in order:
        if not buffers or held + rows[group] > fit.shuffle_buffer:
            buffers.append([])
            held = 0
        buffers[-1].append(group)
        held += rows[group]
    # In the order of the file: it is read forwards, and the same groups are the same buffer.
    return [sorted(groups) for groups in buffers]


def epoch_batches(
    reviews: RowGroups, fit: FitConfig, epoch: int, first_step: int = 0
) -> Iterator[Batch]:
    """Yield the batches of one epoch, every review once, in that epoch's own order.

    Batches before `first_step` are passed over by the numbers of rows alone: no row group is
    decoded of which no review is yielded.
    """
    size, skipped = fit.batch_size, first_step * fit.batch_size
    random = generator(fit.seed, "shuffle", epoch)
    begun: list[Batch] = []  # of a batch whose rest is in the next buffer
    missing = size
    for groups in buffered_groups(reviews.rows, fit, epoch):
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
    reviews: RowGroups, fit: FitConfig, first_epoch: int = 0, first_step: int = 0
) -> Iterator[Batch]:
    """Yield the batches of `first_epoch` from `first_step` on, of the next epoch, and so on."""
    yield from epoch_batches(reviews, fit, first_epoch, first_step)
    for epoch in itertools.count(first_epoch + 1):
        yield from epoch_batches(reviews, fit, epoch)
