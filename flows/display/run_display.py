"""What a run prints while it goes on: a line for each event, and in a terminal how far it is."""

import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import SupportsFloat

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from flows.display.terminal import OUTPUT
from flows.display.training_pace import Pace, duration, percent
from tasks.cache.runner import watch_steps
from tasks.common.artifact_store import StepRun
from tasks.common.formatting import printable, without_credentials
from tasks.training.progress import TrainingProgress, watch_training

_PREFECT_REPEATS = (
    "Beginning flow run",
    "View at ",
    "Finished in state ",
    "Running hook ",
    "Hook ",
    "Received non-final state ",
)
"""Begin Prefect's lines of what a line of ours says, or of nothing that a person can use."""

FAILED = "Encountered exception during execution: "
"""Begins Prefect's line of the error that ends a run, which the ending says in one sentence."""

_REFRESHES_A_SECOND = 4
_STEP_WIDTH, _BAR_WIDTH = 16, 12

ENDING = {"is_in_ending": True}
"""Marks a log record, by `extra`, that repeats what the command prints at its end."""


class RunDisplay(logging.Handler):
    """Prints the log records of a run; with `live`, shows below them what is being done."""

    def __init__(self, *, live: bool, level: int, has_ending: bool) -> None:
        """Take the least level to print, and whether the command prints an ending of its own.

        With `live`, the error output is a terminal to draw in.
        """
        super().__init__(level)
        self._has_ending = has_ending
        in_notebook = Console().is_jupyter
        self._for_reader = live or in_notebook
        # A file of its own: while TensorFlow starts, what is written to the other is held back.
        self._file = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
        # In a notebook one output for all lines, where rich would make one for each.
        lines = sys.stdout if in_notebook else self._file
        self._console = Console(file=lines, highlight=False, force_jupyter=False)
        self._step: tuple[str, float] | None = None
        self._training: tuple[TrainingProgress, float | None] | None = None
        self._pace = Pace()
        self._spinner = Spinner("dots")
        self._live = Live(
            console=self._console,
            get_renderable=self._now,
            refresh_per_second=_REFRESHES_A_SECOND,
            transient=True,
        )
        if live:
            self._live.start()

    def close(self) -> None:
        """Leave the terminal as it was found."""
        self._live.stop()
        self._file.close()
        super().close()

    def begins(self, step: str) -> None:
        """Show from now on that a step is being done."""
        self._step, self._training, self._pace = (step, time.monotonic()), None, Pace()

    def trains(self, progress: TrainingProgress) -> None:
        """Show from now on how far a training is; called after each of its steps."""
        self._training = progress, self._pace.seconds_left(progress)

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record as one line, unless it repeats another or what the ending says."""
        said = record.getMessage()
        ends = said.startswith(FAILED) and not record.exc_info
        if self._has_ending and (ends or getattr(record, "is_in_ending", False)):
            return
        if record.name.startswith("prefect") and said.startswith(_PREFECT_REPEATS):
            return
        run = getattr(record, "step_run", None)
        if self._for_reader and isinstance(run, StepRun):
            self._step = self._training = None
            self._console.print(_step_line(run), soft_wrap=True)
            return
        time_of_day = "" if self._for_reader else f"{time.strftime('%H:%M:%S')} "
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        style = "yellow" if level else "dim" if self._for_reader else ""
        text = printable(without_credentials(said))
        self._console.print(Text(f"{time_of_day}{level}{text}", style), soft_wrap=True)

    def _now(self) -> RenderableType:
        if self._step is None:
            return Text()
        step, since = self._step
        self._spinner.update(text=Text(f"{step:{_STEP_WIDTH}} {time.monotonic() - since:6.0f} s"))
        if self._training is None:
            return self._spinner
        return Group(self._spinner, _training_line(*self._training))


def _step_line(run: StepRun) -> Text:
    mark, style = ("=", "cyan") if run.cached else ("\u2713", "green")
    head = f"{run.step:{_STEP_WIDTH}} {run.seconds:6.1f} s  "
    return Text.assemble((f"{mark} ", style), head, (run.outcome, style), (f", {run.why}", "dim"))


def _training_line(progress: TrainingProgress, seconds_left: float | None) -> RenderableType:
    so_far = _metrics(progress.running) or _metrics(progress.metrics)
    left = f"at most {duration(seconds_left)} left" if seconds_left is not None else ""
    line = Table.grid(padding=(0, 2, 0, 0))
    line.add_column(no_wrap=True)
    line.add_column(no_wrap=True)
    line.add_column(no_wrap=True)
    epoch = min(progress.epochs_done + 1, progress.most_epochs)
    bar = ProgressBar(completed=percent(progress), width=_BAR_WIDTH)
    where = f"  epoch {epoch}/{progress.most_epochs}"
    line.add_row(where, bar, ", ".join(filter(None, [so_far, left])))
    return line


def _metrics(metrics: Mapping[str, SupportsFloat]) -> str:
    shown = [(name, metrics[name]) for name in ("loss", "accuracy") if name in metrics]
    return ", ".join(f"{name} {float(value):.4f}" for name, value in shown)


@contextmanager
def showing_run(*, for_person: bool) -> Iterator[None]:
    """Print what a run inside this context logs; to a person, who gets an ending, in the best way.

    That is a drawing of how far the run is, where the error output is a terminal.
    """
    output = os.environ.get(OUTPUT, "")
    if output == "verbose":
        yield
        return
    level = logging.WARNING if output == "quiet" else logging.INFO
    can_draw = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    draws = for_person and can_draw and output != "quiet"
    display = RunDisplay(live=draws, level=level, has_ending=for_person)
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers = [display]
    with ExitStack() as stack:
        stack.enter_context(watch_steps(display.begins))
        stack.enter_context(watch_training(display.trains))
        stack.callback(display.close)
        stack.callback(setattr, root, "handlers", before)
        yield
