"""Compare an epoch of training: the plain Keras script, ours, PyTorch, and the arithmetic itself.

Start it from the project's folder with `python -m benchmarks.compare_epochs`.
"""

import importlib.util
import json
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.paired import Spread, ratios, run_module, turn_order, write_result
from benchmarks.train_epoch import MULTIPLY, PLAIN, SIDES, TORCH

Rounds = dict[str, list[dict[str, float]]]

NAMES = {
    PLAIN: "plain Keras script",
    "keras": "ours, Keras's layers",
    "fast": "ours, fast (the default)",
    TORCH: "PyTorch",
}
TRAINED, JUDGED = 106.6e6, 35.5e6
"""Floating-point operations that the network's matrix products need for a review: forward 25.1
million in the convolution, 6.4 and 4.0 million in the LSTMs; a training step needs them thrice."""


def measure(sides: list[str], rounds: int, reviews: int, validation: int) -> Rounds:
    """Return the figures of all sides, one row per round."""
    rows: Rounds = {side: [] for side in [*sides, MULTIPLY]}
    for turn in track(range(rounds), "rounds", console=Console(stderr=True)):
        for side in turn_order(list(rows), turn):
            sizes = ["--reviews", str(reviews), "--validation", str(validation)]
            output = run_module("train_epoch", side, *sizes, "--seed", str(turn)).output
            rows[side].append(json.loads(output.splitlines()[-1]))
    return rows


def table_of(rows: Rounds, reviews: int, validation: int) -> Table:
    """Return the comparison for people; ratios are taken within a round."""
    operations = reviews * TRAINED + validation * JUDGED
    floor = [operations / row["per_cpu_second"] for row in rows[MULTIPLY]]
    table = Table("side", "wall time, s", "to plain", "CPU time, s", "to plain", "CPU to floor")
    for side in rows:
        if side == MULTIPLY:
            continue
        cells = []
        for figure in ("seconds", "cpu_seconds"):
            ours, plain = ([row[figure] for row in rows[each]] for each in (side, PLAIN))
            cells += [Spread.of(ours).text(1), Spread.of(ratios(ours, plain)).text(2)]
        cpu = [row["cpu_seconds"] for row in rows[side]]
        table.add_row(NAMES[side], *cells, Spread.of(ratios(cpu, floor)).text(1))
    table.add_row("floor: the matrix products", "", "", Spread.of(floor).text(1), "", "1")
    return table


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
        json_out: File to write all figures to.
    """
    if sides is None:
        sides = [side for side in SIDES if side != TORCH or importlib.util.find_spec("torch")]
    rows = measure(sides, rounds, reviews, validation)
    Console(highlight=False, width=140).print(table_of(rows, reviews, validation))
    if json_out is not None:
        write_result(json_out, {"reviews": reviews, "validation": validation, "rounds": rows})


if __name__ == "__main__":
    cyclopts.run(main)
