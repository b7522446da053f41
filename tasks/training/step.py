"""How a training step is computed: by Keras's layers, or by quicker code for a CPU."""

import keras

from tasks.common.device import Device
from tasks.config.training import FitConfig, NetworkConfig, StepCode, TrainingStep
from tasks.model.kernels.fast_network import fast_network
from tasks.model.ngrams.fast_bag import fast_bag
from tasks.model.ngrams.table import NGRAM_BAG
from tasks.training.optimizer import loss_of, optimizer_of


def step_code(wanted: TrainingStep, network: NetworkConfig | None, device: Device) -> StepCode:
    """Return the code that a training takes; the network is None for one of the user's own.

    auto is the fast one for our networks on one CPU, else Keras's layers, which on a GPU use cuDNN.
    A config with another network refuses the fast one.
    """
    if wanted != "auto":
        return wanted
    return "fast" if network and (device.kind, device.count) == ("cpu", 1) else "keras"


def trained_form(network: keras.Model, code: StepCode, fit: FitConfig) -> keras.Model:
    """Return the network, or a form of it with the same variables and a quicker step, compiled.

    The variables of optimizer and metrics are made at once: made in the first step, as Keras
    would, they have it traced twice, and a begun epoch could not be restored into them.
    """
    model, fused = network, False
    if code == "fast" and network.name == NGRAM_BAG:
        model = fast_bag(network)
    elif code == "fast":
        model, fused = fast_network(network, fit.batch_size), True
    outputs = network.output_shape[-1]
    model.compile(optimizer_of(fit, fused=fused), loss_of(fit, outputs), metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    model.compute_metrics(None, keras.ops.zeros((1, 1)), keras.ops.zeros((1, outputs)))
    model.reset_metrics()
    return model
