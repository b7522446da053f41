"""Which epoch of a training counts."""

from collections.abc import Mapping, Sequence


def best_epoch(history: Mapping[str, Sequence[float]]) -> int:
    """Return the epoch, from 1 on, whose model is kept: that with the lowest validation loss."""
    losses = history["val_loss"]
    return losses.index(min(losses)) + 1
