"""Measure child processes and compare two sides pair by pair.

On a machine that does other work too, single times say little. The sides therefore take
turns, and each pair gives one ratio; the median of the ratios is the result.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tasks.common.atomic_files import write_text
from tasks.common.canonical_json import readable_json
from tasks.runs.environment import describe_machine, describe_source, library_versions

Moment = tuple[float, float]

ROOT = Path(__file__).parent.parent

SAMPLE_EVERY_S = 0.2

_MIB = 2**20

_SHOWN_LINES = 30


class ChildFailedError(RuntimeError):
    """A measured process ended with an error."""


@dataclass(frozen=True)
class ChildRun:
    """What one child process took.

    `largest_process_mib` is the peak of its largest single process, as the kernel counted it;
    `tree_mib` the peak of the sum over the process and all its descendants, sampled. Memory
    that processes of one tree share is counted in each of them.
    """

    seconds: float
    cpu_seconds: float
    largest_process_mib: float
    tree_mib: float
    output: str


def now() -> Moment:
    """Return wall and CPU time of this process in seconds."""
    return time.perf_counter(), time.process_time()


def time_between(begin: Moment, end: Moment) -> dict[str, float]:
    """Return the seconds and CPU seconds from one moment to another."""
    return {"seconds": end[0] - begin[0], "cpu_seconds": end[1] - begin[1]}


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some numbers."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one number."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int) -> str:
        """Return the spread for people, as `median (low to high)`."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return ours / theirs, pair by pair."""
    return [our / their for our, their in zip(ours, theirs, strict=True)]


def turn_order(sides: Sequence[str], turn: int) -> list[str]:
    """Return the sides in the order of round `turn`; each round begins with another one."""
    first = turn % len(sides)
    return [*sides[first:], *sides[:first]]


def tree_bytes(root: int) -> int:
    """Return the resident memory of a process and its descendants, each counted in full."""
    total = 0
    with suppress(psutil.NoSuchProcess):  # it ended while it was read
        process = psutil.Process(root)
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
    return total


class _TreePeak(threading.Thread):
    """Samples the memory of a process tree until it is told to stop."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._root = root
        self._ended = threading.Event()

    def run(self) -> None:
        while True:
            self.peak = max(self.peak, tree_bytes(self._root))
            if self._ended.wait(SAMPLE_EVERY_S):
                return

    def stop(self) -> float:
        self._ended.set()
        self.join()
        return self.peak / _MIB


def run_child(command: Sequence[str], environment: Mapping[str, str] | None = None) -> ChildRun:
    """Run a command in the project's folder and measure it; Linux only.

    Raises:
        ChildFailedError: It ended with an error; holds the last lines that it wrote.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        child = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=err, env=environment)
        memory = _TreePeak(child.pid)
        memory.start()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        tree_mib = memory.stop()
        output, errors = _text(out), _text(err)
    if child.returncode:
        lines = (output + errors).splitlines()[-_SHOWN_LINES:]
        raise ChildFailedError("\n".join([f"status {child.returncode}: {command}", *lines]))
    return ChildRun(
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        largest_process_mib=usage.ru_maxrss / 1024,
        tree_mib=tree_mib,
        output=output,
    )


def _text(file: Any) -> str:  # noqa: ANN401 - typeshed hides the class of temporary files
    file.seek(0)
    return str(file.read().decode(errors="replace"))


def own_prefect(folder: Path) -> dict[str, str]:
    """Return this environment with a new Prefect home in a folder, and a temporary server."""
    kept = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    return kept | {"PREFECT_HOME": str(folder / "prefect")}


def run_module(module: str, *arguments: str) -> ChildRun:
    """Run a module of this folder in a fresh Python process and measure it."""
    return run_child([sys.executable, "-m", f"benchmarks.{module}", *arguments])


def write_result(path: Path, measured: Mapping[str, Any]) -> None:
    """Write what was measured, and on what, as JSON."""
    place = {
        "machine": describe_machine() | {"caches_bytecode": not sys.dont_write_bytecode},
        "versions": library_versions(),
        "source": describe_source(),
    }
    write_text(path, readable_json(place | json.loads(json.dumps(measured))))


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a temporary folder that goes with the block; `TMPDIR` says where."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield Path(folder)
