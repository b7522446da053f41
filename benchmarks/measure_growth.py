"""Measure how memory and time of each stage grow with the number of reviews.

Start it from the project's folder with `python -m benchmarks.measure_growth`.
"""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from benchmarks.growth_judging import STAGES as JUDGING
from benchmarks.growth_judging import UNTRAINED
from benchmarks.growth_stages import STAGES as PREPARING
from benchmarks.growth_stages import tell
from benchmarks.made_reviews import write_corpus
from benchmarks.paired import (
    Moment,
    now,
    own_prefect,
    run_child,
    run_module,
    scratch_folder,
    write_result,
)
from tasks.common.process_memory import keep_memory_together
from tasks.config.training import ConvBilstmConfig, FitConfig, TextConfig
from tasks.model.build import build_model
from tasks.reports.style import COLOURS, chart_style
from tasks.training.plan import TrainingPlan
from tasks.training.progress import TrainingProgress, watch_training
from tasks.training.train import train_model

_SIZES = {"embedding_dim": 8, "filters": 8, "lstm_units": 4, "last_lstm_units": 4}

SMALL = ConvBilstmConfig(**_SIZES)
"""A step of this network is quick, so that reading the reviews is a large part of it."""

_SOURCES = {
    "load": "corpus.csv",
    "baseline": "load",
    "pad": "load",
    "persist": "pad",
    "evaluate": "persist",
    "train": "persist",
}
"""What each stage reads; the training, which alone may be left out, is the last one."""

FLOW = "whole flow"

STAGES = (*_SOURCES, FLOW)

_SHORT_TRAINING = (
    "--epochs=1",
    *(f"--{name.replace('_', '-')}={size}" for name, size in _SIZES.items()),
)

app = App(name="measure_growth", help="How memory and time grow with the number of reviews.")


@app.command
def build(folder: Path) -> None:
    """Write the small network, untrained, to a folder."""
    text = TextConfig()
    build_model(text.num_words, text.maxlen, SMALL, FitConfig().seed, folder)


@app.command
def train(persisted: Path, folder: Path) -> None:
    """Train a small network for an epoch; the clock runs from its first step to its last."""
    keep_memory_together()
    fit = FitConfig(epochs=1)
    build(folder)
    seen: list[Moment] = []

    def note(progress: TrainingProgress) -> None:
        if progress.step:
            seen.append(now())

    sets = persisted / "train.parquet", persisted / "validation.parquet"
    with watch_training(note):
        train_model(TrainingPlan(folder / UNTRAINED, *sets, SMALL, fit, folder))
    tell((len(seen) - 1) * fit.batch_size, seen[0], seen[-1])


@dataclass(frozen=True)
class Growth:
    """What one stage took for one number of reviews, in a process of its own.

    `reviews` are those of the corpus; the times are per review that the stage worked on, and the
    whole flow's from the start of its process to the end.
    """

    stage: str
    reviews: int
    peak_mib: float
    microseconds: float
    cpu_microseconds: float


_MEASURES = ("peak_mib", "microseconds", "cpu_microseconds")


def measure_stage(stage: str, reviews: int, source: Path, folder: Path) -> Growth:
    """Run a stage in a fresh process and return what it takes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    of_stages = {"growth_stages": PREPARING, "growth_judging": JUDGING}
    module = next((name for name, its in of_stages.items() if stage in its), "measure_growth")
    child = run_module(module, stage, str(source), str(folder))
    found = json.loads(child.output.splitlines()[-1])
    each = 1e6 / found["reviews"]
    times = found["seconds"] * each, found["cpu_seconds"] * each
    return Growth(stage, reviews, found["peak_mib"], *times)


def measure_flow(reviews: int, corpus: Path, folder: Path) -> Growth:
    """Run the whole flow on a file, with the small network and a temporary server."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "flows/train_flow.py", *_SHORT_TRAINING]
    command += [f"--train-file={corpus}", f"--artifacts={folder}"]
    child = run_child(command, own_prefect(folder))
    each = 1e6 / reviews
    times = child.seconds * each, child.cpu_seconds * each
    return Growth(FLOW, reviews, child.largest_process_mib, *times)


def measure_size(
    reviews: int, scratch: Path, repeats: int = 1, *, trains: bool = True
) -> list[Growth]:
    """Return the measures of all stages for one number of reviews, the medians of some repeats."""
    scratch.mkdir(exist_ok=True)
    write_corpus(scratch / _SOURCES["load"], reviews)
    found: list[Growth] = []
    for _ in range(repeats):
        for stage, its_source in _SOURCES.items():
            if stage == "train" and not trains:
                continue
            source = scratch / its_source
            if stage == "evaluate":
                run_module("measure_growth", "build", str(source))
            found.append(measure_stage(stage, reviews, source, scratch / stage))
        if trains:
            found.append(measure_flow(reviews, scratch / _SOURCES["load"], scratch / "flow"))
    for path in scratch.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return medians(found)


def medians(found: Sequence[Growth]) -> list[Growth]:
    """Return one row for each stage and size, with the medians of what it takes."""
    groups: dict[tuple[str, int], list[Growth]] = {}
    for row in found:
        groups.setdefault((row.stage, row.reviews), []).append(row)
    return [
        Growth(*group, *(median(getattr(row, measure) for row in rows) for measure in _MEASURES))
        for group, rows in groups.items()
    ]


def table_of(found: Sequence[Growth]) -> Table:
    """Return the measures for people; ratios are to the smallest size of the same stage."""
    table = Table(
        "stage", "reviews", "peak MiB", "ratio", "µs a review", "ratio", "CPU µs", "ratio"
    )
    for stage in STAGES:
        rows = [row for row in found if row.stage == stage]
        for row in rows:
            cells = []
            for measure in _MEASURES:
                value, first = getattr(row, measure), getattr(rows[0], measure)
                cells += [f"{value:.0f}", f"{value / first:.2f}"]
            table.add_row(stage, f"{row.reviews:,}", *cells)
    return table


def draw_growth(found: Sequence[Growth], path: Path) -> None:
    """Write the chart: peak memory and CPU time per review, by the number of reviews."""
    from matplotlib.figure import Figure

    with chart_style():
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        memory, cost = figure.subplots(1, 2)
        looks = product(("o-", "s--"), COLOURS)
        for stage, (line, colour) in zip(_SOURCES, looks, strict=False):
            rows = [row for row in found if row.stage == stage]
            sizes = [row.reviews for row in rows]
            memory.plot(sizes, [row.peak_mib for row in rows], line, color=colour, label=stage)
            cost.plot(sizes, [row.cpu_microseconds for row in rows], line, color=colour)
        memory.set(xscale="log", xlabel="reviews", ylabel="peak memory, MiB")
        cost.set(xscale="log", yscale="log", xlabel="reviews", ylabel="CPU time per review, µs")
        memory.set_ylim(bottom=0)
        figure.legend(loc="outside right center")
        figure.savefig(path, dpi=130, metadata={"Software": None})


@app.default
def main(
    *,
    sizes: Annotated[tuple[int, ...], Parameter(consume_multiple=True)] = (
        25_000,
        250_000,
        2_500_000,
    ),
    train_up_to: int = 250_000,
    repeats: int = 3,
    chart: Path = Path("docs/growth.png"),
    json_out: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Measure corpora of several sizes, each stage in a process of its own.

    Args:
        sizes: Numbers of reviews, the smallest first.
        train_up_to: Largest corpus that a network is trained on too, and a whole flow run.
        repeats: How often each size but the largest is measured; the medians count.
        chart: PNG file to draw.
        json_out: File to write all measures to.
    """
    found: list[Growth] = []
    console = Console(highlight=False)
    with scratch_folder() as scratch:
        for size in sizes:
            times = 1 if size == max(sizes) else repeats
            trains = size <= train_up_to
            found += measure_size(size, scratch, times, trains=trains)
            console.print(table_of(found))
    draw_growth(found, chart)
    if json_out is not None:
        write_result(json_out, {"growth": [vars(row) for row in found]})


if __name__ == "__main__":
    app()
