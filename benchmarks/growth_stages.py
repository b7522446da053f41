"""The stages that prepare reviews: how much memory and time one takes.

`measure_growth` starts each in a process of its own, in which nothing else was imported.
"""

import importlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from cyclopts import App

from benchmarks.paired import Moment, now, time_between
from tasks.common.atomic_files import file_sha256
from tasks.config.training import DataConfig, ProtocolConfig, TextConfig
from tasks.data.load import load_reviews
from tasks.data.pad import pad_reviews
from tasks.data.persist import persist_parquet
from tasks.data.review_files import count_reviews
from tasks.data.sources.source_files import SourceFiles

Stage = Callable[[Path, Path], int]

_IMPORTED_FIRST = ("pyarrow.compute", "pyarrow.csv", "pyarrow.parquet", "pyarrow.ipc")

app = App(name="growth_stages", help="Memory and time of one stage.")


def _load(file: Path, folder: Path) -> int:
    files = SourceFiles(
        source="files",
        form="files",
        paths={"train": file},
        sha256={"train": file_sha256(file)},
        columns=("text", "label"),
        reason="a benchmark",
    )
    facts = load_reviews(files, DataConfig(), folder)
    return int(str(facts["train_rows"])) + int(str(facts["test_rows"]))


def _pad(loaded: Path, folder: Path) -> int:
    files = loaded / "train.parquet", loaded / "test.parquet"
    pad_reviews(*files, TextConfig(), ProtocolConfig(), folder)
    return sum(map(count_reviews, files))


def _persist(padded: Path, folder: Path) -> int:
    sets = {path.stem: path for path in padded.iterdir()}
    return sum(persist_parquet(sets, {}, DataConfig().row_group_rows, folder).values())


STAGES: dict[str, Stage] = {"load": _load, "pad": _pad, "persist": _persist}


def peak_mib() -> float:
    """Return the largest resident memory of this process so far; Linux only.

    `ru_maxrss` would begin with the memory of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


def tell(reviews: int, begin: Moment, end: Moment) -> None:
    """Write reviews, seconds and peak memory of this process to the output."""
    found = {"reviews": reviews, "peak_mib": peak_mib()} | time_between(begin, end)
    sys.stdout.write(json.dumps(found) + "\n")


def measure(stage: Stage, source: Path, folder: Path) -> None:
    """Run a stage in this process and tell what it takes; the clock starts after the imports."""
    for name in _IMPORTED_FIRST:
        importlib.import_module(name)
    begin = now()
    reviews = stage(source, folder)
    tell(reviews, begin, now())


@app.default
def run_stage(stage: str, source: Path, folder: Path) -> None:
    """Run one stage in this process.

    Args:
        stage: load, pad or persist.
        source: What the stage before it left; the file of reviews for load.
        folder: An empty folder to write to.
    """
    measure(STAGES[stage], source, folder)


if __name__ == "__main__":
    app()
