"""Data parallelism: each device has the whole network and takes its part of every batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.common.errors import InvalidConfigError

if TYPE_CHECKING:
    import tensorflow as tf

    from tasks.common.device import Device
    from tasks.config.training import FitConfig


def strategy_for(device: Device) -> tf.distribute.Strategy:
    """Return how TensorFlow spreads a training over the devices.

    Their gradients are summed before each step, so that a training is that of one device with the
    same batches, but for rounding and for which numbers dropout hits.

    See https://www.tensorflow.org/guide/distributed_training#mirroredstrategy
    """
    import tensorflow as tf

    if device.count == 1:
        return tf.distribute.get_strategy()
    names = [f"{device.kind.upper()}:{number}" for number in range(device.count)]
    return tf.distribute.MirroredStrategy(names)


def require_divisible(fit: FitConfig, device: Device) -> None:
    """Refuse a training that the devices cannot do or share evenly, before anything starts.

    Raises:
        InvalidConfigError: The batch cannot be divided, or the training step is for one device.
    """
    if device.count == 1:
        return
    if fit.batch_size % device.count:
        raise InvalidConfigError(
            f"batch_size={fit.batch_size}: must be a multiple of {device.count}, since"
            f" {device.count} devices share each batch"
        )
    if fit.training_step not in ("auto", "keras"):
        raise InvalidConfigError(
            f"training_step={fit.training_step!r}: must be 'auto' or 'keras' where several devices"
            " train"
        )
