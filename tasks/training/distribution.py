"""Data parallelism: each device has the whole network and takes its part of every batch."""

import tensorflow as tf

from tasks.common.device import Device


def strategy_for(device: Device) -> tf.distribute.Strategy:
    """Return how TensorFlow spreads a training over the devices.

    Their gradients are summed before each step, so that a training is that of one device with the
    same batches, but for rounding and for which numbers dropout hits.

    See https://www.tensorflow.org/guide/distributed_training#mirroredstrategy
    """
    if device.count == 1:
        return tf.distribute.get_strategy()
    names = [f"{device.kind.upper()}:{number}" for number in range(device.count)]
    return tf.distribute.MirroredStrategy(names)
