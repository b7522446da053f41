"""Train a small network on one and on two virtual CPU devices, in a process of its own.

`python -m tests.two_devices losses PREPARED FOLDER` leaves what `train_model` writes in `one` and
`two` of FOLDER, without dropout; `bag` does so with the n-gram network. `cut` does so in `whole`,
with dropout, and ends itself in the second epoch of `resumed`, which `resume` finishes. Each has a
`facts.json` too.
"""

import json
import os
from pathlib import Path
from typing import Any, Literal

import cyclopts

from tasks.build_model import build_model
from tasks.select_accelerator import Device
from tasks.train_model import train_model
from tasks.training_config import FitConfig
from tasks.training_progress import TrainingProgress, watch_training
from tests.small_run import small_config

EPOCHS, SAVED_EVERY = 2, 3
CUT = 9
"""Status of the process that ended itself."""

CUT_IN_EPOCH, CUT_AT_STEP = 1, 7


def end(progress: TrainingProgress) -> None:
    """End the process some steps after a saved one."""
    if (progress.epochs_done, progress.step) == (CUT_IN_EPOCH, CUT_AT_STEP):
        os._exit(CUT)


def train(prepared: Path, folder: Path, count: int, **sizes: Any) -> None:
    """Train on so many devices, and go on where FOLDER has the state of an interrupted training."""
    config = small_config(prepared)
    network = config.network.model_copy(update=sizes)
    folder.mkdir(exist_ok=True)
    build_model(config.text.num_words, config.text.maxlen, network, 0, folder)
    facts = train_model(
        folder / "initial_model.keras",
        prepared / "train.parquet",
        prepared / "validation.parquet",
        FitConfig(epochs=EPOCHS, batch_size=16, learning_rate=0.01, training_step="keras"),
        folder,
        folder / "state",
        SAVED_EVERY,
        Device(kind="cpu", count=count, reason="virtual"),
        network,
    )
    (folder / "facts.json").write_text(json.dumps(facts))


def main(what: Literal["losses", "bag", "cut", "resume"], prepared: Path, folder: Path) -> None:
    """Train what is asked for."""
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    if what == "losses":
        train(prepared, folder / "one", 1, dropout=0)
        train(prepared, folder / "two", 2, dropout=0)
    elif what == "bag":
        for name, count in (("one", 1), ("two", 2)):
            sizes = {"architecture": "ngram_bag", "ngram_buckets": 4096}
            train(prepared, folder / name, count, **sizes)
    elif what == "cut":
        train(prepared, folder / "whole", 2, dropout=0.5)
        with watch_training(end):
            train(prepared, folder / "resumed", 2, dropout=0.5)
    else:
        train(prepared, folder / "resumed", 2, dropout=0.5)


if __name__ == "__main__":
    cyclopts.run(main)
