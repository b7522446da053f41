"""Start the flow as a user does, in a process of its own that can be killed."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from tests.support.servers.prefect_home import prefect_environment, prepare_home

LIMIT_S = 600

_ROOT = Path(__file__).parents[2]

SMALL_SIZES = [
    "--num-words=40",
    "--maxlen=12",
    "--embedding-dim=4",
    "--filters=4",
    "--kernel-size=3",
    "--pool-size=2",
    "--lstm-units=3",
    "--last-lstm-units=2",
    "--learning-rate=0.01",
]

SMALL_NETWORK = [*SMALL_SIZES, "--training-step=keras"]
"""By Keras's layers: to compile the fast step takes seconds, more than it brings here."""

SMALL_NGRAMS = [
    "--num-words=40",
    "--maxlen=12",
    "--architecture=ngram_bag",
    "--ngram-words=1",
    "--ngram-buckets=512",
    "--learning-rate=0.01",
]
"""The network that is soonest made and trained."""

FIVE_EPOCHS = ["--epochs=5", "--stop-patience=9"]

SLOW_SMALL_RUN = [*SMALL_NETWORK, *FIVE_EPOCHS, "--batch-size=2"]
"""Trains long enough to be interrupted at an epoch of one's choice."""

SLOW_NGRAM_RUN = [*SMALL_NGRAMS, *FIVE_EPOCHS, "--batch-size=2"]


def from_file(reviews: Path) -> list[str]:
    """Return the options that make a CSV file the source."""
    return ["--source=files", f"--train-file={reviews}"]


def start_terminal_run(
    folder: Path,
    *arguments: str,
    program: str = "train_flow.py",
    log: str = "run.log",
    **environment: str,
) -> subprocess.Popen[bytes]:
    """Start a program of `flows` in `folder`, where its log is, as one group; it obeys SIGINT."""
    prepare_home(folder / "home")
    own = {"CUDA_VISIBLE_DEVICES": "-1"} | environment
    command = ["env", "--default-signal=INT", sys.executable, str(_ROOT / "flows" / program)]
    with (folder / log).open("w") as lines:
        return subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            env=prefect_environment(folder / "home", **own),
            stdout=lines,
            stderr=lines,
            start_new_session=True,
        )


class Process(Protocol):
    """A run: a program of its own, or a fork."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int, /) -> None: ...


def wait_for_line(folder: Path, process: Process, part: str) -> None:
    """Wait until the log of the run in `folder` says `part`."""
    wait_for_log(folder / "run.log", part, process)


def wait_for_log(file: Path, part: str, process: Process) -> None:
    """Wait until a log says `part`."""
    deadline = time.monotonic() + LIMIT_S
    while part not in (log := file.read_text()):
        assert process.poll() is None, log
        assert time.monotonic() < deadline, log
        time.sleep(0.05)


def kill_run(process: Process, how: signal.Signals) -> None:
    """Kill a run, and the temporary server that it leaves behind after kill -9."""
    process.send_signal(how)
    assert process.wait(LIMIT_S) != 0
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def finish(process: Process, folder: Path) -> tuple[dict[str, Any], bytes, str]:
    """Return weights hashes, history and log of the run that ends in `folder`."""
    status = process.wait(LIMIT_S)
    log = (folder / "run.log").read_text()
    assert status == 0, log
    (run,) = (folder / "artifacts/runs").iterdir()
    manifest = json.loads((run / "manifest.json").read_text())
    return manifest["weights"], (run / "history.json").read_bytes(), log
