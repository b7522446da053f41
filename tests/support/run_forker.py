"""Run the flow in child processes that need not import anything: forked from one that has.

A child is the same as `python flows/train_flow.py ARGUMENTS`, with a log of its own, and may
be given a fault. `python -m tests.support.run_forker` reads requests and writes statuses, line by
line.
"""

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.faults.injection import Fault, StepCosts, StepWatch, arm, report_costs
from tests.support.servers.prefect_home import prefect_environment

ROOT = Path(__file__).parents[2]

HUNG_AFTER_S = 180


class RunForker:
    """The side of the tests: a process to ask for runs; it talks to one Prefect server."""

    def __init__(self, api_url: str, home: Path) -> None:
        """Start the process and wait until it has imported all that a run needs."""
        own = {"PREFECT_API_URL": api_url, "CUDA_VISIBLE_DEVICES": "-1"}
        self._log = (home / "forker.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.run_forker"],
            cwd=ROOT,
            env=prefect_environment(home, **own),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self._read() == "ready"

    def run(self, log: Path, *arguments: str, fault: Fault | None = None) -> int:
        """Run the flow and return its exit status, negative for a signal."""
        return self.run_together([log], *arguments, faults=[fault])[0]

    def run_together(
        self, logs: list[Path], *arguments: str, faults: Sequence[Fault | None]
    ) -> list[int]:
        """Run the flow once per log, all at the same time, and return the exit statuses."""
        runs = [
            {"log": str(log), "fault": fault.model_dump() if fault else None}
            for log, fault in zip(logs, faults, strict=True)
        ]
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"runs": runs, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        statuses = self._read()
        assert isinstance(statuses, list)
        return statuses

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, Path(self._log.name).read_text()
        return json.loads(line)


def costs_of(log: Path) -> StepCosts:
    """Return what the steps cost of the run that wrote `log`."""
    return StepCosts.model_validate_json(log.with_suffix(".costs").read_bytes())


def serve() -> None:
    """Import everything, then run what is requested until the input ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from flows.orchestration import process

    process.begin_process()
    import jinja2  # noqa: F401
    import keras  # noqa: F401
    import matplotlib.backends.backend_agg
    import matplotlib.backends.backend_svg  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import sklearn.feature_extraction.text
    import sklearn.linear_model
    import sklearn.metrics  # noqa: F401

    from flows.pipelines import train as train_flow  # noqa: F401

    gc.freeze()  # a run collects garbage after each step; what was imported is none
    print('"ready"', file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        children = [
            _fork(Path(run["log"]), request["arguments"], run["fault"]) for run in request["runs"]
        ]
        print(json.dumps([_wait(child) for child in children]), file=replies, flush=True)


def _fork(log: Path, arguments: list[str], fault: dict[str, Any] | None) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        status = _run(log, arguments, fault)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _run(log: Path, arguments: list[str], fault: dict[str, Any] | None) -> int:
    from flows.cli.train import read_options
    from flows.pipelines.train import run_in_terminal

    try:
        options = read_options(arguments)
        watch = StepWatch(options.artifacts)
        if fault:
            arm(Fault.model_validate(fault), watch)
        run_in_terminal(options)
    except SystemExit as end:
        return int(end.code or 0)
    report_costs(watch, log.with_suffix(".costs"))
    return 0


def _wait(child: int) -> int:
    deadline = time.monotonic() + HUNG_AFTER_S
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGABRT)
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    serve()
