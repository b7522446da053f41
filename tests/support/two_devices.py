"""Train a small network on one and on two virtual CPU devices, in a process of its own.

`python -m tests.support.two_devices losses PREPARED FOLDER` leaves what `train_model` writes in
`one` and `two` of FOLDER, without dropout; `bag` does so with the n-gram network. `cut` does so in
`whole`, with dropout, and ends itself in the second epoch of `resumed`, which `resume` finishes.
Each has a `facts.json` too.
"""

import json
import os
from pathlib import Path
from typing import Literal

import cyclopts

from tasks.common.device import Device
from tasks.config.training import FitConfig, NetworkConfig
from tasks.model.build import build_model
from tasks.training.progress import TrainingProgress, watch_training
from tests.support.small_run import BAG, small_config, train_small

EPOCHS, SAVED_EVERY = 2, 3

CUT = 9
"""Status of the process that ended itself."""

CUT_IN_EPOCH, CUT_AT_STEP = 1, 7


def end(progress: TrainingProgress) -> None:
    """End the process some steps after a saved one."""
    if (progress.epochs_done, progress.step) == (CUT_IN_EPOCH, CUT_AT_STEP):
        os._exit(CUT)


def train(prepared: Path, folder: Path, count: int, network: NetworkConfig) -> None:
    """Train on so many devices; resume where FOLDER has the state of an interrupted training."""
    text = small_config(prepared).text
    folder.mkdir(exist_ok=True)
    build_model(text.num_words, text.maxlen, network, 0, folder)
    facts = train_small(
        prepared,
        folder,
        FitConfig(epochs=EPOCHS, batch_size=16, learning_rate=0.01, training_step="keras"),
        initial_model=folder / "initial_model.keras",
        network=network,
        device=Device(kind="cpu", count=count, reason="virtual"),
        state=folder / "state",
        save_every_steps=SAVED_EVERY,
    )
    (folder / "facts.json").write_text(json.dumps(facts))


def main(what: Literal["losses", "bag", "cut", "resume"], prepared: Path, folder: Path) -> None:
    """Train what is requested."""
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    network = small_config(prepared).network
    without_dropout = network.model_copy(update={"dropout": 0})
    if what in ("losses", "bag"):
        compared = BAG if what == "bag" else without_dropout
        train(prepared, folder / "one", 1, compared)
        train(prepared, folder / "two", 2, compared)
    elif what == "cut":
        train(prepared, folder / "whole", 2, network)
        with watch_training(end):
            train(prepared, folder / "resumed", 2, network)
    else:
        train(prepared, folder / "resumed", 2, network)


if __name__ == "__main__":
    cyclopts.run(main)
