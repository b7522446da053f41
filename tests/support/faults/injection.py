"""Faults that befall a run in a process of its own, at a chosen point of a chosen step."""

import errno
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from tasks.config.training import Step

STEPS: tuple[str, ...] = ("fetch", *get_args(Step), "record")
"""The tasks of a run, and the writing of its folder."""

TASK_OF = {"persist-parquet": "persist"}

_OPERATIONS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")

_NEEDS_ROOM = ("os.mkdir", "os.rename")

_ERRORS = {
    "disk full": errno.ENOSPC,
    "permission denied": errno.EACCES,
    "passing I/O error": errno.EIO,
}

_DAY_S = 86_400

Kind = Literal[
    "kill -9",
    "SIGTERM",
    "exception",
    "disk full",
    "permission denied",
    "passing I/O error",
    "clock a day back",
]


class Fault(BaseModel):
    """What happens in which step, and when.

    `operation` counts the step's file operations below the artifacts folder, from 1 on;
    `moment` is seconds after the step's begin. A full disk stays full until the process ends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    step: str
    operation: int | None = None
    moment: float | None = None

    def __str__(self) -> str:
        """Return a name for test reports."""
        when = f"operation {self.operation}" if self.operation else f"{self.moment or 0:.3f} s"
        return f"{self.kind} in {self.step} at {when}"


class StepCosts(BaseModel):
    """File operations and seconds of each step of an undisturbed run."""

    operations: dict[str, int]
    seconds: dict[str, float]


class StepWatch:
    """Tells which step this process is in, and counts its file operations."""

    def __init__(self, artifacts: Path) -> None:
        """Watch operations below `artifacts`; from now on and for good."""
        self.step: str | None = None
        self.costs = StepCosts(operations={}, seconds={})
        self.at_begin: Callable[[str], None] = lambda _: None
        self.at_end: Callable[[str], None] = lambda _: None
        self.at_operation: Callable[[str, int, bool], None] = lambda *_: None
        self._root = str(artifacts)
        self._wrap_steps()
        sys.addaudithook(self._audit)

    def _wrap_steps(self) -> None:
        from flows.pipelines import train
        from tasks import steps

        for name in STEPS[:-1]:
            step = getattr(steps, TASK_OF.get(name, name))
            object.__setattr__(step, "function", self._watched(name, step.function))  # it is frozen
        train.record_run = self._watched("record", train.record_run)  # type: ignore[attr-defined]

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def watched(*arguments: Any, **named: Any) -> Any:
            self.step = name
            self.costs.operations.setdefault(name, 0)
            started = time.perf_counter()
            self.at_begin(name)
            result = function(*arguments, **named)
            self.at_end(name)
            self.costs.seconds[name] = time.perf_counter() - started
            return result

        return watched

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.step is None or event not in _OPERATIONS:
            return
        path = arguments[0]
        if not isinstance(path, str | os.PathLike) or not str(path).startswith(self._root):
            return
        if event == "os.mkdir" and Path(path).is_dir():  # pathlib swallows what this raises
            return
        self.costs.operations[self.step] += 1
        writes = event in _NEEDS_ROOM or (
            event == "open" and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        )
        self.at_operation(self.step, self.costs.operations[self.step], writes)


def arm(fault: Fault, watch: StepWatch) -> None:
    """Let `fault` happen in this process."""
    if fault.kind in ("kill -9", "SIGTERM"):
        _arm_signal(fault, watch)
    elif fault.kind == "clock a day back":
        _arm_clock(fault, watch)
    else:
        _arm_error(fault, watch)


def _arm_signal(fault: Fault, watch: StepWatch) -> None:
    number = signal.SIGKILL if fault.kind == "kill -9" else signal.SIGTERM
    me = os.getpid()

    def at_begin(step: str) -> None:
        if step == fault.step and fault.moment is not None and os.fork() == 0:
            # Another process sends the signal: it may come in the middle of a call into C.
            time.sleep(fault.moment)
            os.kill(me, number)
            os._exit(0)

    def at_end(step: str) -> None:
        if step == fault.step and fault.moment is not None:
            while True:  # the step was quicker than expected, and the signal is still to come
                signal.pause()

    def at_operation(step: str, count: int, _writes: bool) -> None:
        if step == fault.step and count == fault.operation:
            os.kill(me, number)

    watch.at_begin, watch.at_end, watch.at_operation = at_begin, at_end, at_operation


def _arm_clock(fault: Fault, watch: StepWatch) -> None:
    import time_machine

    def at_begin(step: str) -> None:
        if step == fault.step:
            time_machine.travel(time.time() - _DAY_S, tick=True).start()

    watch.at_begin = at_begin


def _arm_error(fault: Fault, watch: StepWatch) -> None:
    number = _ERRORS.get(fault.kind)
    lasts = fault.kind in ("disk full", "permission denied")
    struck = threading.Event()

    def at_operation(step: str, count: int, writes: bool) -> None:
        reached = step == fault.step and count >= (fault.operation or 1)
        later = STEPS.index(step) > STEPS.index(fault.step)
        # An exception where `shutil.rmtree` only looks into a folder is swallowed by it.
        in_vain = not writes and (lasts or number is None)
        if in_vain or (struck.is_set() and not lasts) or not (reached or later):
            return
        struck.set()
        if number is None:
            raise RuntimeError("an injected exception")
        raise OSError(number, os.strerror(number))

    watch.at_operation = at_operation


def report_costs(watch: StepWatch, file: Path) -> None:
    """Write what each step cost."""
    watch.step = None
    file.write_text(json.dumps(watch.costs.model_dump()))
