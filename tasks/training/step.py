"""How a training step is computed: by Keras's layers, or by quicker code for a CPU."""

import keras

from tasks.common.device import Device
from tasks.common.errors import InvalidConfigError
from tasks.config.training import (
    NO_FAST_STEP,
    ConvBilstmConfig,
    FitConfig,
    NetworkConfig,
    StepCode,
    TrainingStep,
)
from tasks.model.kernels.fast_network import fast_network
from tasks.training.optimizer import loss_of, optimizer_of


def step_code(wanted: TrainingStep, network: NetworkConfig | None, device: Device) -> StepCode:
    """Return the code that a training takes; the network is None for one of the user's own.

    auto is the fast one for the tutorial's network on one CPU, else Keras's layers, which on a GPU
    use cuDNN.

    Raises:
        InvalidConfigError: There is no fast code for this network.
    """
    is_tutorials = isinstance(network, ConvBilstmConfig)
    if wanted == "auto":
        return "fast" if is_tutorials and (device.kind, device.count) == ("cpu", 1) else "keras"
    if wanted != "keras" and not is_tutorials:
        raise InvalidConfigError(NO_FAST_STEP)
    return wanted


def trained_form(network: keras.Model, code: StepCode, fit: FitConfig) -> keras.Model:
    """Return the network, or a form of it with the same variables and a quicker step, compiled.

    The variables of optimizer and metrics are made at once: made in the first step, as Keras
    would, they have it traced twice, and a begun epoch could not be restored into them.
    """
    model = network if code == "keras" else fast_network(network, fit.batch_size)
    outputs = network.output_shape[-1]
    model.compile(optimizer_of(fit, code), loss_of(fit, outputs), metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    model.compute_metrics(None, keras.ops.zeros((1, 1)), keras.ops.zeros((1, outputs)))
    model.reset_metrics()
    return model
