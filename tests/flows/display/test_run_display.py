import logging
import os
import pty
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from flows.display.run_display import ENDING, RunDisplay, showing_run
from flows.display.terminal import OUTPUT
from tasks.common.artifact_store import StepRun
from tasks.common.errors import BadDataError
from tasks.training.plan import TrainingState
from tasks.training.progress import tell_progress

STEP = StepRun(step="load", cached=True, why="as before", key="load/a", seconds=0.25)

LIMIT_S = 60.0


def log_a_run() -> None:
    """Log what a run does, as Prefect and this project do."""
    for name in ("prefect.flow_runs", "tasks.x", "flows.x"):
        logging.getLogger(name).setLevel(logging.INFO)
    prefect, ours = logging.getLogger("prefect.flow_runs"), logging.getLogger("tasks.x")
    prefect.info("Beginning flow run 'a' for flow 'b'")
    ours.info("load: cached, as before (0.2 s)", extra={"step_run": STEP})
    ours.warning("at http://name:secret@host/ it was slow\x1b[31m")
    prefect.info("Task run failed with exception: OSError() - Retry 1/3 will start")
    prefect.error("Encountered exception during execution: %r", BadDataError("no reviews"))
    prefect.info("Finished in state Failed()")
    logging.getLogger("flows.x").info("Test Accuracy: 0.5", extra=ENDING)


@pytest.mark.parametrize(
    ("output", "for_person", "expected"),
    [
        ("", True, ["load: cached", "warning: at http://", "Task run failed"]),
        (
            "",
            False,
            ["load: cached", "warning: at http://", "Task run failed", "error: E", "Test Accuracy"],
        ),
        ("quiet", True, ["warning: at http://"]),
    ],
)
def test_a_log_has_one_plain_line_for_each_event(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    for_person: bool,
    expected: list[str],
) -> None:
    monkeypatch.setenv(OUTPUT, output)
    before = logging.getLogger().handlers[:]
    with showing_run(for_person=for_person):
        log_a_run()
    assert logging.getLogger().handlers == before
    lines = capfd.readouterr().err.splitlines()
    assert all(line[9:].startswith(part) for line, part in zip(lines, expected, strict=True))
    assert all(line[2] == line[5] == ":" for line in lines)
    assert not [line for line in lines if "secret" in line or "\x1b" in line]


def test_verbose_leaves_the_log_to_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OUTPUT, "verbose")
    before = logging.getLogger().handlers[:]
    with showing_run(for_person=True):
        assert logging.getLogger().handlers == before


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, kind: str) -> Iterator[Callable[[str], str]]:
    """Have a terminal as the error output; yields what returns all sent once that has a part."""
    ours, theirs = pty.openpty()
    before = os.dup(2)
    os.dup2(theirs, 2)
    os.set_blocking(ours, False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setenv("COLUMNS", "80")
    shown = ""

    def shows(part: str) -> str:
        nonlocal shown
        deadline = time.monotonic() + LIMIT_S
        while part not in shown:
            assert time.monotonic() < deadline, shown
            try:
                shown += os.read(ours, 1 << 16).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.02)
        return shown

    yield shows
    os.dup2(before, 2)
    for number in (before, ours, theirs):
        os.close(number)


def test_a_terminal_shows_how_far_a_training_is_and_each_step_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = TrainingState(epochs_done=1, history={"loss": [0.5], "accuracy": [0.75]})
    with terminal(monkeypatch, "xterm-256color") as shows:
        with showing_run(for_person=True):
            display = logging.getLogger().handlers[0]
            assert isinstance(display, RunDisplay)
            display.begins("train")
            shows("train ")
            tell_progress(state, most_epochs=4, step=5, steps=10)
            assert "epoch 2/4" in shows("loss 0.5000, accuracy 0.7500")
            for step in (6, 7, 8):
                tell_progress(state, 4, step, 10, running={"loss": 0.25, "accuracy": 0.8})
            shows("loss 0.2500, accuracy 0.8000, at most ")
            log_a_run()
            shows("warning: at ")
        shown = shows("\x1b[?25h")  # the cursor is back
    assert shown.count("as before") == 1
    assert "Test Accuracy" not in shown


def test_nothing_is_drawn_in_a_terminal_that_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, "dumb") as shows:
        with showing_run(for_person=True):
            log_a_run()
        assert "\x1b" not in shows("Task run failed")
