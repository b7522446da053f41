"""How long a model takes for a review."""

import time
from statistics import median

import numpy as np

from tasks.common.device import Device
from tasks.config.training import TrainingConfig
from tasks.model.network import open_network
from tasks.registry.gates import Latency
from tasks.runs.find import Run
from tasks.runs.read import BEST_MODEL, checked_file

_WARM_UPS = 2
_REPEATS = 7


def measure_latency(run: Run, config: TrainingConfig, device: Device) -> Latency:
    """Return the median milliseconds per review over some batches of the evaluation's size.

    What is measured is what predictions run on. Reviews in a batch are measured, since a single
    one mostly shows what a call of Keras costs, whatever the model. The model is loaded only after
    its hash is checked.
    """
    file = checked_file(run, BEST_MODEL)
    network = open_network(file, device)
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
