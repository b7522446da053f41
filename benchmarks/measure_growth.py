"""Measure how memory and time of each stage grow with the number of reviews.

Start it from the project's folder with `python -m benchmarks.measure_growth`.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from benchmarks.paired import run_module, scratch_folder, write_result
from tasks.chart_style import COLOURS, chart_style

PREPARING = ("load", "pad", "persist")
STAGES = (*PREPARING, "train")


@dataclass(frozen=True)
class Growth:
    """What one stage took for one number of reviews, in a process of its own.

    `reviews` are those of the corpus; the times are per review that the stage worked on.
    """

    stage: str
    reviews: int
    peak_mib: float
    microseconds: float
    cpu_microseconds: float


def measure_stage(stage: str, reviews: int, source: Path, folder: Path) -> Growth:
    """Run a stage in a fresh process and return its figures."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    child = run_module("grow_once", stage, "--source", str(source), "--folder", str(folder))
    found = json.loads(child.output.splitlines()[-1])
    each = 1e6 / found["reviews"]
    return Growth(
        stage,
        reviews,
        found["peak_mib"],
        found["seconds"] * each,
        found["cpu_seconds"] * each,
    )


def measure_size(
    reviews: int, scratch: Path, repeats: int = 1, *, trains: bool = True, mean_length: float = 1.0
) -> list[Growth]:
    """Return the figures of all stages for one number of reviews, the medians of some repeats."""
    scratch.mkdir(exist_ok=True)
    corpus = scratch / f"{reviews}.csv"
    size = ("--reviews", str(reviews), "--mean-length", str(mean_length))
    run_module("make_corpus", str(corpus), *size)
    found: list[Growth] = []
    for _ in range(repeats):
        source = corpus
        for stage in STAGES if trains else PREPARING:
            folder = scratch / stage
            found.append(measure_stage(stage, reviews, source, folder))
            source = folder
    for path in scratch.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return medians(found)


def medians(found: Sequence[Growth]) -> list[Growth]:
    """Return one row for each stage and size, with the medians of its figures."""
    groups: dict[tuple[str, int], list[Growth]] = {}
    for row in found:
        groups.setdefault((row.stage, row.reviews), []).append(row)
    return [
        Growth(
            stage,
            reviews,
            median(row.peak_mib for row in rows),
            median(row.microseconds for row in rows),
            median(row.cpu_microseconds for row in rows),
        )
        for (stage, reviews), rows in groups.items()
    ]


def table_of(found: Sequence[Growth]) -> Table:
    """Return the figures for people; ratios are to the smallest size of the same stage."""
    table = Table(
        "stage", "reviews", "peak MiB", "ratio", "µs a review", "ratio", "CPU µs", "ratio"
    )
    for stage in STAGES:
        rows = [row for row in found if row.stage == stage]
        for row in rows:
            first = rows[0]
            table.add_row(
                stage,
                f"{row.reviews:,}",
                f"{row.peak_mib:.0f}",
                f"{row.peak_mib / first.peak_mib:.2f}",
                f"{row.microseconds:.0f}",
                f"{row.microseconds / first.microseconds:.2f}",
                f"{row.cpu_microseconds:.0f}",
                f"{row.cpu_microseconds / first.cpu_microseconds:.2f}",
            )
    return table


def draw_growth(found: Sequence[Growth], path: Path) -> None:
    """Write the figure: peak memory and CPU time per review, by the number of reviews."""
    from matplotlib.figure import Figure

    with chart_style():
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        memory, cost = figure.subplots(1, 2)
        for stage, colour in zip(STAGES, COLOURS, strict=True):
            rows = [row for row in found if row.stage == stage]
            sizes = [row.reviews for row in rows]
            memory.plot(sizes, [row.peak_mib for row in rows], "o-", color=colour, label=stage)
            cost.plot(
                sizes, [row.cpu_microseconds for row in rows], "o-", color=colour, label=stage
            )
        memory.set(xscale="log", xlabel="reviews", ylabel="peak memory, MiB")
        cost.set(xscale="log", yscale="log", xlabel="reviews", ylabel="CPU time per review, µs")
        memory.set_ylim(bottom=0)
        memory.legend()
        figure.savefig(path, dpi=130, metadata={"Software": None})


def main(
    *,
    sizes: Annotated[tuple[int, ...], Parameter(consume_multiple=True)] = (
        25_000,
        250_000,
        2_500_000,
    ),
    train_up_to: int = 250_000,
    repeats: int = 3,
    mean_length: float = 1.0,
    figure: Path = Path("docs/growth.png"),
    json_out: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Measure corpora of several sizes, each stage in a process of its own.

    Args:
        sizes: Numbers of reviews, the smallest first.
        train_up_to: Largest corpus that a network is trained on too.
        repeats: How often each size but the largest is measured; the medians count.
        mean_length: Factor on the lengths of the reviews; 1 is that of the IMDB reviews.
        figure: PNG file to draw.
        json_out: File to write all figures to.
    """
    found: list[Growth] = []
    console = Console(highlight=False)
    with scratch_folder() as scratch:
        for size in sizes:
            times = 1 if size == max(sizes) else repeats
            trains = size <= train_up_to
            found += measure_size(size, scratch, times, trains=trains, mean_length=mean_length)
            console.print(table_of(found))
    draw_growth(found, figure)
    if json_out is not None:
        write_result(json_out, {"growth": [vars(row) for row in found]})


if __name__ == "__main__":
    cyclopts.run(main)
