"""Train one side for two epochs in this process and print what the second one took, as JSON.

`python -m benchmarks.train_epoch SIDE`; `compare_epochs` starts it. The first epoch warms up: the
graph is traced, caches fill.
"""

import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cyclopts
import numpy as np

from benchmarks.process_clock import Moment, now, time_between
from tasks.process_memory import keep_memory_together
from tasks.training_config import FitConfig, NetworkConfig
from tasks.training_progress import TrainingProgress, watch_training

Reviews = tuple[np.ndarray, np.ndarray]

NUM_WORDS, MAXLEN, BATCH_SIZE = 10_000, 200, 64
PLAIN, TORCH, MULTIPLY = "plain", "torch", "multiply"
OURS: dict[str, dict[str, object]] = {
    "keras": {"training_step": "keras"},
    "fast": {"training_step": "fast"},
}
SIDES = [PLAIN, *OURS, TORCH]

_MATRIX, _MULTIPLY_S = 2048, 2.0


def time_plain(train: Reviews, validation: Reviews, folder: Path) -> list[Moment]:
    """Return begin and end of the second epoch of the plain Keras script."""
    from benchmarks import plain_keras

    model = plain_keras.build_model(NUM_WORDS, MAXLEN)

    def epoch() -> object:
        best = folder / "best_model.keras"
        return plain_keras.train(model, (train, validation), best, 1, BATCH_SIZE)

    return _second(epoch)


def time_torch(train: Reviews, validation: Reviews) -> list[Moment]:
    """Return begin and end of the second epoch in PyTorch."""
    # Threads that wait by turning round would be counted, and slow each other on a busy machine.
    os.environ["OMP_WAIT_POLICY"] = "passive"
    from benchmarks.torch_network import TorchTraining

    training = TorchTraining(NUM_WORDS, BATCH_SIZE, seed=0)
    return _second(lambda: training.epoch(train, validation))


def _second(epoch: Callable[[], object]) -> list[Moment]:
    epoch()
    begin = now()
    epoch()
    return [begin, now()]


def time_ours(train: Reviews, validation: Reviews, folder: Path, fit: FitConfig) -> list[Moment]:
    """Return begin and end of the second epoch of the `train` step."""
    from benchmarks.made_reviews import write_padded
    from tasks.build_model import build_model
    from tasks.train_model import train_model

    build_model(NUM_WORDS, MAXLEN, NetworkConfig(), 0, folder)
    sets = (
        write_padded(folder / "t.parquet", *train),
        write_padded(folder / "v.parquet", *validation),
    )
    moments: dict[int, Moment] = {}

    def note(progress: TrainingProgress) -> None:
        moments.setdefault(progress.epochs_done, now())

    with watch_training(note):
        train_model(folder / "initial_model.keras", *sets, fit, folder)
    return [moments[1], moments[2]]


def multiply_rate() -> dict[str, float]:
    """Return how many floating-point operations a matrix product does in a second of each kind."""
    import tensorflow as tf

    matrix = tf.random.stateless_normal((_MATRIX, _MATRIX), (0, 0))
    (matrix @ matrix).numpy()
    begin, products = now(), 0
    while now()[0] - begin[0] < _MULTIPLY_S:
        (matrix @ matrix).numpy()
        products += 1
    took, operations = time_between(begin, now()), products * 2 * _MATRIX**3
    return {
        "per_second": operations / took["seconds"],
        "per_cpu_second": operations / took["cpu_seconds"],
    }


def main(side: str, *, reviews: int, validation: int, seed: int = 0) -> None:
    """Print the figures of one side.

    Args:
        side: One of SIDES, or multiply.
        reviews: Reviews of an epoch.
        validation: Reviews that it is validated on.
        seed: Of the reviews.
    """
    if side == MULTIPLY:
        sys.stdout.write(json.dumps(multiply_rate()) + "\n")
        return
    if side in OURS:
        keep_memory_together()  # as a flow does, before Arrow is imported
    from benchmarks.made_reviews import padded_reviews

    made = [
        padded_reviews(rows, seed=seed + first) for first, rows in enumerate((reviews, validation))
    ]
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(io.StringIO()):
        if side == PLAIN:
            begin, end = time_plain(*made, Path(name))
        elif side == TORCH:
            begin, end = time_torch(*made)
        else:
            fit = FitConfig.model_validate({"epochs": 2, "batch_size": BATCH_SIZE} | OURS[side])
            begin, end = time_ours(*made, Path(name), fit)
    sys.stdout.write(json.dumps(time_between(begin, end)) + "\n")


if __name__ == "__main__":
    cyclopts.run(main)
