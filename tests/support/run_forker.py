"""Run the flow in child processes that need not import anything: forked from one that has.

A child is the same as `python flows/train_flow.py ARGUMENTS`, with a log and settings of its own,
and may be given a fault. `python -m tests.support.run_forker` reads requests and writes answers,
line by line.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.faults.injection import (
    STEPS,
    TASK_OF,
    Fault,
    StepCosts,
    StepWatch,
    arm,
    report_costs,
)
from tests.support.servers.prefect_home import prefect_environment
from tests.support.servers.real_server import forget_connections

ROOT = Path(__file__).parents[2]

HUNG_AFTER_S = 180

_HEAVY = (
    "fastapi",
    "jinja2",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "onnxruntime",
    "sklearn.feature_extraction.text",
    "sklearn.linear_model",
    "flows.cli.train",
    "flows.pipelines.train",
    "flows.pipelines.trial",
)


class ForkedRun:
    """A child, which can be asked and signalled as a `subprocess.Popen` can."""

    def __init__(self, forker: "RunForker", pid: int) -> None:
        """Take the child with that id, which has just begun."""
        self.pid, self._forker, self._status = pid, forker, None

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, or None while the child runs."""
        if self._status is None:
            self._status = self._forker.ask(poll=self.pid)
        return self._status

    def wait(self, timeout: float | None = HUNG_AFTER_S) -> int:
        """Wait for the end; a child that does not end in time is made to say where it is."""
        deadline = time.monotonic() + (timeout or HUNG_AFTER_S)
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                self.send_signal(signal.SIGABRT)
            time.sleep(0.02)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the child has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class RunForker:
    """The side of the tests: a process to ask for runs."""

    def __init__(self, home: Path) -> None:
        """Start the process and wait until it has imported all that a run needs."""
        self._home, self._asking = home, threading.Lock()
        self._log = (home / "forker.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.run_forker"],
            cwd=ROOT,
            env=prefect_environment(home, CUDA_VISIBLE_DEVICES="-1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self._read() == "ready"

    def start(
        self, log: Path, api: str, *arguments: str, fault: Fault | None = None, **settings: str
    ) -> ForkedRun:
        """Start the flow in the folder of its log, with environment variables as settings."""
        own = {"PREFECT_API_URL": api} | settings
        given = fault.model_dump() if fault else None
        log.write_text("")  # it can be read from now on
        pid = self.ask(log=str(log), settings=own, arguments=arguments, fault=given)
        return ForkedRun(self, pid)

    def start_module(self, log: Path, module: str, text: str, **settings: str) -> ForkedRun:
        """Start `python -m MODULE`, with a text as its standard input."""
        pid = self.ask(log=str(log), settings=settings, module=module, text=text)
        return ForkedRun(self, pid)

    @contextlib.contextmanager
    def trains(self) -> Iterator[None]:
        """Within, a training that asks for a process of its own gets a fork."""
        from flows.pipelines import in_process

        with pytest.MonkeyPatch.context() as patch:
            forks = SimpleNamespace(run=self._fork_module, PIPE=subprocess.PIPE)
            patch.setattr(in_process, "subprocess", forks)
            yield

    def _fork_module(self, command: list[str], **given: Any) -> subprocess.CompletedProcess[str]:
        """Do what `subprocess.run` does with `python -m MODULE`."""
        log = Path(tempfile.mkdtemp(dir=self._home)) / "run.log"
        api = given["env"]["PREFECT_API_URL"]
        run = self.start_module(log, command[-1], given["input"], PREFECT_API_URL=api)
        status = run.wait()
        if status:
            sys.stderr.write(log.read_text())  # as a process of its own would have
        return subprocess.CompletedProcess(command, status, log.read_text())

    def ask(self, **request: Any) -> Any:
        """Return the answer to a request."""
        assert self._process.stdin is not None
        with self._asking:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return self._read()

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
    """Import everything, then do what is requested until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _import_everything()
    print('"ready"', file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = _status(request["poll"]) if "poll" in request else _fork(**request)
        print(json.dumps(answer), file=answers, flush=True)


def _import_everything() -> None:
    from flows.orchestration import process

    process.begin_process()
    import tasks
    from tasks.cache import key

    ours = [module.name for module in pkgutil.walk_packages(tasks.__path__, "tasks.")]
    for name in (*_HEAVY, *ours):
        importlib.import_module(name)
    for step in STEPS[1:-1]:
        key._reached("tasks.steps", TASK_OF.get(step, step))
    _prepare_once()
    gc.collect()
    gc.freeze()  # a run collects garbage after each step; what was imported is none


def _prepare_once() -> None:
    """Do what libraries do once in a process and keep: it is a third of a cached run."""
    from tasks.reports import html, style
    from tests.support.commands import read_options

    for makes_html in (True, False):
        environment = html._environment(autoescape=makes_html)
        for name in environment.list_templates():
            if name.endswith(".html.jinja") is makes_html:
                environment.get_template(name)
    with style.chart_style():
        figure, axes = style.new_chart()
        axes.plot([0, 1], label="a line")
        axes.legend()
        for kind in ("svg", "png"):
            figure.savefig(io.BytesIO(), format=kind)
    read_options([])


def _fork(log: str, settings: dict[str, str], **what: Any) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        _redirect(Path(log))
        _take(settings)
        _run_module(**what) if "module" in what else _run(Path(log), **what)
        forget_connections()  # a server stalls for a minute when clients are cut off
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _redirect(log: Path) -> None:
    os.chdir(log.parent)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _take(settings: dict[str, str]) -> None:
    from prefect.context import refresh_global_settings_context

    os.environ.update(settings)
    refresh_global_settings_context()


def _run(log: Path, arguments: list[str], fault: dict[str, Any] | None) -> None:
    from flows.display.ending import print_ending
    from flows.pipelines.train import run_flow
    from tests.support.commands import read_options

    options = read_options(arguments)
    watch = StepWatch(options.artifacts)
    if fault:
        arm(Fault.model_validate(fault), watch)
    print_ending(run_flow(options, for_person=True))
    report_costs(watch, log.with_suffix(".costs"))


def _run_module(module: str, text: str) -> None:
    sys.stdin = io.StringIO(text)
    runpy.run_module(module, run_name="__main__")


def _status(child: int) -> int | None:
    """Return the exit status of a child that has ended, and end what it has left behind."""
    done, status = os.waitpid(child, os.WNOHANG)
    if not done:
        return None
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    serve()
