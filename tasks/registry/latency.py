"""How long a model takes for a review."""

import time
from statistics import median

import numpy as np

from tasks.config.training import TrainingConfig
from tasks.model.network import Network
from tasks.registry.gates import Latency

_WARM_UPS = 2
_REPEATS = 7


def measure_latency(network: Network, config: TrainingConfig) -> Latency:
    """Return the median milliseconds per review over some batches of the evaluation's size.

    Reviews in a batch are measured, since a single one mostly shows what a call of Keras costs,
    whatever the model.
    """
    size = config.fit.evaluation_batch_size
    # The network does the same work for any ids.
    shape = (size, config.text.maxlen)
    tokens = np.random.default_rng(0).integers(0, config.text.num_words, shape, np.int32)
    seconds = []
    for _ in range(_WARM_UPS + _REPEATS):
        started = time.perf_counter()
        network(tokens)
        seconds.append(time.perf_counter() - started)
    return Latency(
        ms_per_review=1000 * median(seconds[_WARM_UPS:]) / size,
        batch_size=size,
        device=network.device,
    )
