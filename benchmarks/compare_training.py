"""Compare a whole training: the plain Keras script against the pipeline with all its records.

Start it from the project's folder with `python -m benchmarks.compare_training`.
"""

import os
import re
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.paired import (
    ChildFailedError,
    ChildRun,
    Spread,
    own_prefect,
    ratios,
    run_child,
    run_module,
    scratch_folder,
    turn_order,
    write_result,
)
from tasks.common.artifact_store import ArtifactStore
from tasks.runs.manifest import read_manifest

PLAIN, PIPELINE = "plain script", "pipeline"

FIGURES = {
    "seconds": ("wall time, s", 0),
    "cpu_seconds": ("CPU time, s", 0),
    "largest_process_mib": ("largest process, MiB", 0),
    "tree_mib": ("all processes, MiB", 0),
}

_ACCURACY = re.compile(r"Test Accuracy: ([0-9.]+[0-9])")

Row = dict[str, Any]


def reported_accuracy(output: str) -> float:
    """Return the test accuracy that a side printed.

    Raises:
        ChildFailedError: It printed none.
    """
    found = _ACCURACY.findall(output)
    if not found:
        raise ChildFailedError(f"no test accuracy in the output: {output[-500:]!r}")
    return float(found[-1])


def link_downloads(artifacts: Path, fresh: Path) -> None:
    """Give a fresh artifacts folder the files that are downloaded already, and nothing else."""
    target = ArtifactStore(fresh).open().downloads
    for file in ArtifactStore(artifacts).downloads.iterdir():
        try:
            os.link(file, target / file.name)
        except OSError:  # another disk, or one without hard links
            shutil.copyfile(file, target / file.name)


def run_plain(npz: Path, epochs: int, folder: Path) -> Row:
    """Train with the plain script."""
    command = [sys.executable, "benchmarks/plain_keras.py", "--npz", str(npz)]
    return _row(run_child([*command, "--epochs", str(epochs), "--out", str(folder)]))


def run_pipeline(artifacts: Path, epochs: int, folder: Path) -> Row:
    """Train with the pipeline: empty cache, own Prefect home, temporary Prefect server."""
    fresh = folder / "artifacts"
    link_downloads(artifacts, fresh)
    command = [sys.executable, "flows/train_flow.py", "--source", "imdb"]
    command += ["--imdb-form", "packages", "--protocol", "tutorial"]
    command += ["--epochs", str(epochs), "--artifacts", str(fresh)]
    row = _row(run_child(command, own_prefect(folder)))
    (run,) = ArtifactStore(fresh).runs.iterdir()
    return row | {"steps": {step.step: step.seconds for step in read_manifest(run).steps}}


def _row(child: ChildRun) -> Row:
    row = asdict(child)
    return row | {"accuracy": reported_accuracy(row.pop("output"))}


def measure(pairs: int, epochs: int, artifacts: Path, scratch: Path) -> dict[str, list[Row]]:
    """Return the measures of all pairs, one row per side and pair."""
    npz = scratch / "imdb.npz"
    run_module("make_npz", "--artifacts", str(artifacts), "--npz", str(npz))
    rows: dict[str, list[Row]] = {PLAIN: [], PIPELINE: []}
    for pair in track(range(pairs), "pairs", console=Console(stderr=True)):
        for side in turn_order(list(rows), pair):
            folder = scratch / f"{side.split()[0]}-{pair}"
            folder.mkdir()
            if side == PLAIN:
                rows[side].append(run_plain(npz, epochs, folder))
            else:
                rows[side].append(run_pipeline(artifacts, epochs, folder))
            shutil.rmtree(folder)
    return rows


def table_of(rows: dict[str, list[Row]]) -> Table:
    """Return the comparison for people; ratios are pipeline to plain script, pair by pair."""
    table = Table("measure", PLAIN, PIPELINE, "ratio")
    for name, (title, digits) in FIGURES.items():
        plain, ours = ([row[name] for row in rows[side]] for side in (PLAIN, PIPELINE))
        table.add_row(
            title,
            Spread.of(plain).text(digits),
            Spread.of(ours).text(digits),
            Spread.of(ratios(ours, plain)).text(2),
        )
    accuracies = [" ".join(f"{row['accuracy']:.4f}" for row in rows[side]) for side in rows]
    table.add_row("test accuracy", *accuracies, "")
    return table


def main(
    *,
    pairs: int = 3,
    epochs: int = 2,
    artifacts: Path = Path("artifacts"),
    json_out: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Measure whole trainings in interleaved pairs.

    Args:
        pairs: How often both sides are run.
        epochs: Most epochs of each training.
        artifacts: Artifacts folder whose downloads hold the raw texts; fetched where missing.
        json_out: File to write all measures to.
    """
    with scratch_folder() as scratch:
        rows = measure(pairs, epochs, artifacts.absolute(), scratch)
    Console(highlight=False).print(table_of(rows))
    if json_out is not None:
        write_result(json_out, {"epochs": epochs, "pairs": rows})


if __name__ == "__main__":
    cyclopts.run(main)
