"""Train a small network in a process of its own, which kills itself in the fifth epoch.

`python -m tests.support.faults.killed_training` reads two lines, a folder of prepared reviews and
another, and leaves `state` in that.
"""

import os
import signal
import sys
from pathlib import Path

from tasks.config.training import FitConfig
from tasks.training.progress import TrainingProgress, watch_training
from tests.support.small_run import train_small

# Has lowered its rate and not improved when it is killed: each callback has a state to lose. The
# buffer holds less than the training set, so that an epoch may be interrupted in any part of it.
FIT = FitConfig(
    epochs=6,
    batch_size=16,
    optimizer="adamw",
    weight_decay=0.01,
    clip_norm=1.0,
    label_smoothing=0.1,
    learning_rate=0.3,
    stop_patience=4,
    reduce_patience=1,
    seed=1,
    shuffle_buffer=100,
)


SAVED_EVERY = 2


def kill(progress: TrainingProgress) -> None:
    """End the process as `kill -9` does."""
    if (progress.epochs_done, progress.step) == (4, 3):
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    prepared, folder = map(Path, sys.stdin.read().splitlines())
    with watch_training(kill):
        train_small(prepared, folder, FIT, state=folder / "state", save_every_steps=SAVED_EVERY)
