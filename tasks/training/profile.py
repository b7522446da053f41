"""Where the time of a training goes, by TensorFlow's profiler."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from tasks.training.plan import TrainingPlan
from tasks.training.progress import TrainingProgress, watch_training
from tasks.training.train import train_model

WARM_UP, TRACED = 3, 5
"""Steps: the first ones are compiled, and are none of those that are looked at."""

_WAITING = ("::", "BlockUntilReady", "ParallelFor", "FunctionRun")
"""In the names of what only waits for others, or calls them."""


class StepTimes(NamedTuple):
    """How long a step takes, and of that the operations that take most, in milliseconds.

    Operations that run at the same time count each for itself.
    """

    step: float
    operations: list[tuple[str, float]]


class _EnoughError(Exception):
    """All steps that were asked for are done."""


def profile_training(plan: TrainingPlan, trace: Path) -> StepTimes:
    """Train a few steps, write what was done when to `trace`, and say what took how long.

    The trace is JSON that browsers show: https://ui.perfetto.dev, or chrome://tracing. The first
    epoch must have more steps than are looked at.
    """
    began = 0.0

    def watch(progress: TrainingProgress) -> None:
        nonlocal began
        if progress.step == WARM_UP:
            tf.profiler.experimental.start(str(plan.folder))
            began = time.monotonic()
        if progress.step == WARM_UP + TRACED:
            raise _EnoughError

    try:
        with watch_training(watch):
            train_model(plan)
    except _EnoughError:
        seconds = time.monotonic() - began
    finally:
        if began:
            tf.profiler.experimental.stop()
    space = xplane_pb2.XSpace()
    space.ParseFromString(next(plan.folder.rglob("*.xplane.pb")).read_bytes())
    trace.write_text(json.dumps(list(_events(space))))
    spent = Counter[str]()
    for plane in space.planes:
        for line in plane.lines:
            spent.update(_own_times(plane, line))
    shown = [one for one in spent.most_common() if not any(part in one[0] for part in _WAITING)]
    return StepTimes(seconds * 1e3 / TRACED, [(name, ms / TRACED) for name, ms in shown])


def _own_times(plane: Any, line: Any) -> Counter[str]:  # noqa: ANN401 - of the profiler's protocol
    """Return the milliseconds of each operation of a thread without those that it calls."""
    own, open_ones = Counter[str](), list[tuple[int, str]]()
    for event in sorted(line.events, key=lambda one: (one.offset_ps, -one.duration_ps)):
        name = plane.event_metadata[event.metadata_id].name
        name = re.sub(r"^StatefulPartitionedCall/|(?<!:):\w+$", "", name)
        while open_ones and open_ones[-1][0] <= event.offset_ps:
            open_ones.pop()
        own[name] += event.duration_ps / 1e9
        if open_ones:
            own[open_ones[-1][1]] -= event.duration_ps / 1e9
        open_ones.append((event.offset_ps + event.duration_ps, name))
    return own


def _events(space: Any) -> Iterator[dict[str, object]]:  # noqa: ANN401 - of the profiler's protocol
    """Yield each event as the trace event format has it, in microseconds."""
    for process, plane in enumerate(space.planes):
        for line in plane.lines:
            for event in line.events:
                yield {
                    "name": plane.event_metadata[event.metadata_id].name,
                    "ph": "X",
                    "ts": line.timestamp_ns / 1e3 + event.offset_ps / 1e6,
                    "dur": event.duration_ps / 1e6,
                    "pid": process,
                    "tid": line.id,
                }
