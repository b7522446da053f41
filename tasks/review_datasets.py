"""Padded reviews as `tf.data` datasets that stream from Parquet.

See https://www.tensorflow.org/guide/data_performance
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.epoch_batches import endless_batches, steps_per_epoch
from tasks.review_files import (
    count_reviews,
    padded_matrix,
    padded_width,
    read_parquet,
    rebatched,
)
from tasks.row_groups import RowGroups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import tensorflow as tf

    from tasks.epoch_batches import Batch, Shuffle

_BATCHES_AHEAD = 16
"""Steps of the training that hide the time in which the next buffer is decoded."""


def shuffled_dataset(
    path: Path, shuffle: Shuffle, first_epoch: int, first_step: int
) -> tf.data.Dataset:
    """Return endless training batches, those of one epoch after those of another.

    Args:
        path: Padded training reviews (Parquet), at least one.
        shuffle: Seed, size of the buffer, size of a batch.
        first_epoch: The epoch to begin in, from 0 on.
        first_step: The batch of that epoch to begin with.
    """

    def batches() -> Iterator[Batch]:
        # Opened by each iterator for itself: that of an interrupted epoch may still be reading.
        with RowGroups(path) as reviews:
            yield from endless_batches(reviews, shuffle, first_epoch, first_step)

    return _streamed(batches, path)


def ordered_dataset(path: Path, batch_size: int) -> tf.data.Dataset:
    """Return the reviews of a Parquet file once, in the file's order.

    Args:
        path: Padded reviews, at least one.
        batch_size: Reviews per batch; the last one may be smaller.
    """
    import tensorflow as tf

    steps = steps_per_epoch(count_reviews(path), batch_size)
    batches = _streamed(lambda: ordered_batches(path, batch_size), path)
    # Without it Keras takes the end of the first pass for a lack of data.
    return batches.apply(tf.data.experimental.assert_cardinality(steps))


def ordered_batches(path: Path, batch_size: int) -> Iterator[Batch]:
    """Yield the reviews of a Parquet file once, in the file's order: what a training batch is."""
    import numpy as np

    for batch in rebatched(read_parquet(path), batch_size):
        labels = batch["label"].to_numpy().astype(np.float32)
        yield padded_matrix(batch["tokens"]), labels[:, None]


def _streamed(batches: Callable[[], Iterator[Batch]], path: Path) -> tf.data.Dataset:
    import tensorflow as tf

    options = tf.data.Options()
    # The thread that tunes often misses that it has to end, and is then waited for: up to a minute.
    options.autotune.enabled = False
    signature = (
        tf.TensorSpec((None, padded_width(path)), tf.int32),
        tf.TensorSpec((None, 1), tf.float32),
    )
    dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return dataset.prefetch(_BATCHES_AHEAD).with_options(options)
