"""Run one stage of the pipeline once, in a process of its own, and write its time as JSON."""

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any, Literal

import cyclopts

from benchmarks.process_clock import Moment, now, time_between
from tasks.atomic_files import file_sha256
from tasks.build_model import build_model
from tasks.load_reviews import load_reviews
from tasks.pad_reviews import pad_reviews
from tasks.persist_parquet import persist_parquet
from tasks.process_memory import keep_memory_together
from tasks.review_files import count_reviews
from tasks.source_files import SourceFiles
from tasks.train_model import train_model
from tasks.training_config import DataConfig, FitConfig, NetworkConfig, ProtocolConfig, TextConfig
from tasks.training_progress import TrainingProgress, watch_training

Stage = Literal["load", "pad", "persist", "train"]

SMALL = NetworkConfig(embedding_dim=8, filters=8, lstm_units=4, last_lstm_units=4)
"""A step of this network is quick, so that reading the reviews is a large part of it."""

_IMPORTED_FIRST = ("pyarrow.compute", "pyarrow.csv", "pyarrow.parquet", "pyarrow.ipc")


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


_STAGES = {"load": _load, "pad": _pad, "persist": _persist}


def run_stage(
    stage: Literal["load", "pad", "persist"], source: Path, folder: Path
) -> dict[str, Any]:
    """Run a stage of preparation; the clock starts after the imports."""
    for name in _IMPORTED_FIRST:
        importlib.import_module(name)
    begin = now()
    reviews = _STAGES[stage](source, folder)
    return {"reviews": reviews} | time_between(begin, now())


def run_training(persisted: Path, folder: Path) -> dict[str, Any]:
    """Train a small network for an epoch; the clock runs from its first step to its last."""
    keep_memory_together()
    text, fit = TextConfig(), FitConfig(epochs=1)
    build_model(text.num_words, text.maxlen, SMALL, fit.seed, folder)
    seen: list[Moment] = []

    def note(progress: TrainingProgress) -> None:
        if progress.step:
            seen.append(now())

    with watch_training(note):
        train_model(
            folder / "initial_model.keras",
            persisted / "train.parquet",
            persisted / "validation.parquet",
            fit,
            folder,
        )
    return {"reviews": (len(seen) - 1) * fit.batch_size} | time_between(seen[0], seen[-1])


def peak_mib() -> float:
    """Return the largest resident memory of this process so far; Linux only.

    `ru_maxrss` would begin with the memory of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


def main(stage: Stage, *, source: Path, folder: Path) -> None:
    """Run a stage and write reviews, seconds, CPU seconds and peak memory to the output.

    Args:
        stage: load, pad, persist or train.
        source: What the stage before it left; the file of reviews for load.
        folder: An empty folder to write to.
    """
    result = run_training(source, folder) if stage == "train" else run_stage(stage, source, folder)
    sys.stdout.write(json.dumps(result | {"peak_mib": peak_mib()}) + "\n")


if __name__ == "__main__":
    cyclopts.run(main)
