"""Padded reviews as `tf.data` datasets that stream from Parquet.

See https://www.tensorflow.org/guide/data_performance
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from tasks.config.training import FitConfig
from tasks.data.review_files import (
    count_reviews,
    padded_matrix,
    padded_width,
    read_parquet,
    rebatched,
)
from tasks.training.batch_order import endless_batches, steps_per_epoch
from tasks.training.row_groups import Batch, RowGroups

_BATCHES_AHEAD = 16
"""Steps of the training that hide the time in which the next buffer is decoded."""


class NumberedBatches:
    """The batches of a stream by their numbers; taken in order, nothing is read twice."""

    def __init__(self, stream_from: Callable[[int], Iterator[Batch]]) -> None:
        """Take what yields the batches from a number on."""
        self._stream_from = stream_from
        self._lock = threading.Lock()
        self._stream: Iterator[Batch] = iter(())
        self._next: int | None = None

    def __call__(self, number: int) -> Batch:
        """Return one batch; two passes at once disturb each other in their speed alone."""
        with self._lock:
            if number != self._next:
                self._stream = self._stream_from(int(number))
            self._next = None  # where reading fails, the next pass opens the file again
            batch = next(self._stream)
            self._next = number + 1
            return batch


def shuffled_dataset(
    path: Path, fit: FitConfig, first_epoch: int, first_step: int
) -> tf.data.Dataset:
    """Return endless batches of padded training reviews, those of one epoch after another.

    They begin with the batch `first_step` of the epoch `first_epoch`, both from 0 on.
    """
    steps = steps_per_epoch(count_reviews(path), fit.batch_size)

    def batches_from(number: int) -> Iterator[Batch]:
        epoch, step = divmod(first_epoch * steps + first_step + number, steps)
        # Opened by each stream for itself: that of an interrupted epoch may still be reading.
        with RowGroups(path) as reviews:
            yield from endless_batches(reviews, fit, epoch, step)

    return _streamed(tf.data.Dataset.counter(), batches_from, path)


def ordered_dataset(path: Path, batch_size: int) -> tf.data.Dataset:
    """Return the padded reviews of a Parquet file once, in the file's order."""

    def batches_from(number: int) -> Iterator[Batch]:
        return itertools.islice(ordered_batches(path, batch_size), number, None)

    steps = steps_per_epoch(count_reviews(path), batch_size)
    return _streamed(tf.data.Dataset.range(steps), batches_from, path)


def ordered_batches(path: Path, batch_size: int) -> Iterator[Batch]:
    """Yield the reviews of a Parquet file once, in the file's order: what a training batch is."""
    for batch in rebatched(read_parquet(path), batch_size):
        labels = batch["label"].to_numpy().astype(np.float32)
        yield padded_matrix(batch["tokens"]), labels[:, None]


def _streamed(
    numbers: tf.data.Dataset, batches_from: Callable[[int], Iterator[Batch]], path: Path
) -> tf.data.Dataset:
    """Return the batches with these numbers.

    Not by `Dataset.from_generator`: on Python 3.11 that has glibc map the memory of each tensor
    again, and a training step then causes tens of thousands of page faults.
    """
    options = tf.data.Options()
    # The thread that tunes often misses that it has to end, and is then waited for: up to a minute.
    options.autotune.enabled = False
    numbered, width = NumberedBatches(batches_from), padded_width(path)

    def batch(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        tokens, labels = tf.numpy_function(numbered, [number], [tf.int32, tf.float32])
        return tf.ensure_shape(tokens, (None, width)), tf.ensure_shape(labels, (None, 1))

    return numbers.map(batch).prefetch(_BATCHES_AHEAD).with_options(options)
