"""Compare the time to load and pad 50,000 reviews: Keras's functions against the pipeline's.

Start it from the project's folder with `python -m benchmarks.compare_loading`.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.paired import (
    Spread,
    ratios,
    run_module,
    scratch_folder,
    turn_order,
    write_result,
)

SIDES = {"keras": "Keras", "packages": "raw texts", "converted": "converted npz"}
_GOAL = 0.5

Row = dict[str, Any]


def measure_side(side: str, artifacts: Path, npz: Path, folder: Path) -> Row:
    """Run one side in a fresh process and return its figures."""
    folder.mkdir()
    arguments = ("--artifacts", str(artifacts), "--npz", str(npz), "--folder", str(folder))
    child = run_module("load_once", side, *arguments)
    row: Row = json.loads(child.output.splitlines()[-1])
    return row | {
        "process_seconds": child.seconds,
        "cpu_seconds": child.cpu_seconds,
        "largest_process_mib": child.largest_process_mib,
    }


def measure(pairs: int, artifacts: Path, scratch: Path) -> dict[str, Any]:
    """Return the figures of all rounds, one row per side and round."""
    npz = scratch / "imdb.npz"
    run_module("make_npz", "--artifacts", str(artifacts), "--npz", str(npz))
    conversion = measure_side("convert", artifacts, npz, scratch / "convert")
    rows: dict[str, list[Row]] = {side: [] for side in SIDES}
    for turn in track(range(pairs), "rounds", console=Console(stderr=True)):
        for side in turn_order(list(SIDES), turn):
            rows[side].append(measure_side(side, artifacts, npz, scratch / f"{side}-{turn}"))
    return {"conversion": conversion, "rounds": rows}


def same_tokens(rows: dict[str, list[Row]], side: str, name: str) -> bool:
    """Return whether a side's padded set equals Keras's, in every round."""
    return {row[name] for row in rows[side]} == {row[name] for row in rows["keras"]}


def table_of(rows: dict[str, list[Row]]) -> Table:
    """Return the comparison for people; ratios are to Keras, pair by pair."""
    table = Table("side", "seconds", "load + pad", "ratio", "MiB", "as Keras's")
    seconds = {side: [row["seconds"] for row in rows[side]] for side in rows}
    for side, title in SIDES.items():
        load, pad, memory = (
            Spread.of([row[name] for row in rows[side]]).median
            for name in ("load_seconds", "pad_seconds", "largest_process_mib")
        )
        equal = [name for name in ("train", "test") if same_tokens(rows, side, name)]
        table.add_row(
            title,
            Spread.of(seconds[side]).text(2),
            f"{load:.2f} + {pad:.2f}",
            Spread.of(ratios(seconds[side], seconds["keras"])).text(2),
            f"{memory:.0f}",
            ", ".join(equal) or "none",
        )
    return table


def main(
    *,
    pairs: int = 5,
    artifacts: Path = Path("artifacts"),
    json_out: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Measure loading and padding in interleaved rounds.

    Args:
        pairs: Rounds; each runs every side once.
        artifacts: Artifacts folder whose downloads hold the raw texts; fetched where missing.
        json_out: File to write all figures to.
    """
    with scratch_folder() as scratch:
        measured = measure(pairs, artifacts.absolute(), scratch)
    console = Console(highlight=False)
    console.print(table_of(measured["rounds"]))
    once = measured["conversion"]["seconds"]
    console.print(f"Converting the npz, once per file: {once:.2f} s. Goal: a ratio of {_GOAL}.")
    if json_out is not None:
        write_result(json_out, measured)


if __name__ == "__main__":
    cyclopts.run(main)
