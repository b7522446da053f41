"""Compare an epoch of training: the plain Keras script, ours, PyTorch, and the arithmetic itself.

Start it from the project's folder with `python -m benchmarks.compare_epochs`.
"""

import contextlib
import importlib.util
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.paired import (
    Moment,
    Spread,
    now,
    ratios,
    run_module,
    scratch_folder,
    time_between,
    turn_order,
    write_result,
)
from tasks.common.process_memory import keep_memory_together
from tasks.config.training import ConvBilstmConfig, FitConfig
from tasks.training.progress import TrainingProgress, watch_training

Reviews = tuple[np.ndarray, np.ndarray]

Rounds = dict[str, list[dict[str, float]]]

NUM_WORDS, MAXLEN, BATCH_SIZE = 10_000, 200, 64

PLAIN, TORCH, MULTIPLY = "plain", "torch", "multiply"

OURS = ("keras", "fast")

SIDES = [PLAIN, *OURS, TORCH]

NAMES = {
    PLAIN: "plain Keras script",
    "keras": "ours, Keras's layers",
    "fast": "ours, fast (the default)",
    TORCH: "PyTorch",
}

TRAINED, JUDGED = 106.6e6, 35.5e6
"""Floating-point operations that the network's matrix products need for a review: forward 25.1
million in the convolution, 6.4 and 4.0 million in the LSTMs; a training step needs them thrice."""

_MATRIX, _MULTIPLY_S = 2048, 2.0

app = App(name="compare_epochs", help="An epoch of training, by side.")


def time_plain(train: Reviews, validation: Reviews, folder: Path) -> list[Moment]:
    """Return begin and end of the second epoch of the plain Keras script."""
    from benchmarks import plain_keras

    model, best = plain_keras.build_model(), folder / "best_model.keras"
    return _second(lambda: plain_keras.train(model, (train, validation), best, 1))


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
    from tasks.model.build import build_model
    from tasks.training.plan import TrainingPlan
    from tasks.training.train import train_model

    network = ConvBilstmConfig()
    build_model(NUM_WORDS, MAXLEN, network, 0, folder)
    sets = (
        write_padded(folder / "t.parquet", *train),
        write_padded(folder / "v.parquet", *validation),
    )
    moments: dict[int, Moment] = {}

    def note(progress: TrainingProgress) -> None:
        moments.setdefault(progress.epochs_done, now())

    with watch_training(note):
        train_model(TrainingPlan(folder / "initial_model.keras", *sets, network, fit, folder))
    return [moments[1], moments[2]]


def multiply_rate() -> float:
    """Return how many floating-point operations a matrix product does in a second of CPU time."""
    import tensorflow as tf

    matrix = tf.random.stateless_normal((_MATRIX, _MATRIX), (0, 0))
    (matrix @ matrix).numpy()
    begin, products = now(), 0
    while now()[0] - begin[0] < _MULTIPLY_S:
        (matrix @ matrix).numpy()
        products += 1
    return products * 2 * _MATRIX**3 / time_between(begin, now())["cpu_seconds"]


@app.command(name="side")
def time_side(name: str, *, reviews: int, validation: int, seed: int = 0) -> None:
    """Time the second epoch of one side in this process; the first warms up: it traces the graph.

    Args:
        name: One of SIDES, or multiply.
        reviews: Reviews of an epoch.
        validation: Reviews that it is validated on.
        seed: Of the reviews.
    """
    if name == MULTIPLY:
        sys.stdout.write(json.dumps({"per_cpu_second": multiply_rate()}) + "\n")
        return
    if name in OURS:
        keep_memory_together()  # as a flow does, before Arrow is imported
    from benchmarks.made_reviews import padded_reviews

    sets = padded_reviews(reviews, seed=seed), padded_reviews(validation, seed=seed + 1)
    with scratch_folder() as folder, contextlib.redirect_stdout(io.StringIO()):
        if name == PLAIN:
            begin, end = time_plain(*sets, folder)
        elif name == TORCH:
            begin, end = time_torch(*sets)
        else:
            begin, end = time_ours(*sets, folder, FitConfig(epochs=2, training_step=name))
    sys.stdout.write(json.dumps(time_between(begin, end)) + "\n")


def measure(sides: list[str], rounds: int, reviews: int, validation: int) -> Rounds:
    """Return the measures of all sides, one row per round."""
    rows: Rounds = {side: [] for side in [*sides, MULTIPLY]}
    for turn in track(range(rounds), "rounds", console=Console(stderr=True)):
        for each in turn_order(list(rows), turn):
            sizes = ["--reviews", str(reviews), "--validation", str(validation)]
            output = run_module("compare_epochs", "side", each, *sizes, "--seed", str(turn)).output
            rows[each].append(json.loads(output.splitlines()[-1]))
    return rows


def floor_seconds(rows: Rounds, reviews: int, validation: int) -> list[float]:
    """Return the CPU seconds that an epoch's matrix products alone take, by round."""
    operations = reviews * TRAINED + validation * JUDGED
    return [operations / row["per_cpu_second"] for row in rows[MULTIPLY]]


def table_of(rows: Rounds, reviews: int, validation: int) -> Table:
    """Return the comparison for people; ratios are taken within a round."""
    floor = floor_seconds(rows, reviews, validation)
    table = Table("side", "wall time, s", "to plain", "CPU time, s", "to plain", "CPU to floor")
    for side in [side for side in rows if side != MULTIPLY]:
        cells = []
        for measure in ("seconds", "cpu_seconds"):
            ours, plain = ([row[measure] for row in rows[each]] for each in (side, PLAIN))
            cells += [Spread.of(ours).text(1), Spread.of(ratios(ours, plain)).text(2)]
        cpu = [row["cpu_seconds"] for row in rows[side]]
        table.add_row(NAMES[side], *cells, Spread.of(ratios(cpu, floor)).text(1))
    table.add_row("floor: the matrix products", "", "", Spread.of(floor).text(1), "", "1")
    return table


@app.default
def main(
    *,
    rounds: int = 7,
    reviews: int = 6400,
    validation: int = 1600,
    sides: list[str] | None = None,
    json_out: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Measure the second epoch of each side, in rounds that each begin with another side.

    Args:
        rounds: How often each side is run.
        reviews: Made-up reviews of an epoch.
        validation: Made-up reviews that each epoch is validated on.
        sides: Which sides; all by default, PyTorch where it is installed.
        json_out: File to write all measures to.
    """
    if sides is None:
        sides = [side for side in SIDES if side != TORCH or importlib.util.find_spec("torch")]
    rows = measure(sides, rounds, reviews, validation)
    Console(highlight=False, width=140).print(table_of(rows, reviews, validation))
    if json_out is not None:
        write_result(json_out, {"reviews": reviews, "validation": validation, "rounds": rows})


if __name__ == "__main__":
    app()
