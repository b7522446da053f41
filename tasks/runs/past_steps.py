"""What each step took in earlier runs on this machine, and what it may take next."""

from collections.abc import Iterator
from statistics import mean
from typing import NamedTuple

from tasks.cache.explain import LEFT_NOTHING, diff_parts
from tasks.cache.key import KeyParts
from tasks.common.artifact_store import ArtifactStore, StepRun
from tasks.common.device import Device
from tasks.common.records import read_record
from tasks.runs.environment import describe_machine
from tasks.runs.find import Run, find_runs

_NEWEST_RUNS = 50
_RECENT = 5
_SAME_MACHINE = ("processor", "cores", "threads")


class PastStep(NamedTuple):
    """A step of a run, and the parts of its key."""

    run: Run
    step: StepRun
    parts: KeyParts | None


class Expected(NamedTuple):
    """What a step may take, without TensorFlow's start, by the run that it was judged by."""

    seconds: float
    needs_tensorflow: bool
    peak_mib: int
    bytes_left: int
    run: Run


def past_steps(store: ArtifactStore, device: Device) -> list[PastStep]:
    """Return the steps of the newest runs on this machine and this device, newest first."""
    machine = describe_machine()
    found = [
        run
        for run in find_runs(store.root).runs[:_NEWEST_RUNS]
        if all(run.manifest.machine.get(name) == machine[name] for name in _SAME_MACHINE)
        and run.manifest.device.content_hash == device.content_hash
    ]
    return [
        PastStep(run, step, _parts(store, step)) for run in found for step in run.manifest.steps
    ]


def start_seconds(past: list[PastStep]) -> float:
    """Return how long TensorFlow took to start when it did so last."""
    return next((one.step.start_seconds for one in past if one.step.start_seconds), 0.0)


def _parts(store: ArtifactStore, step: StepRun) -> KeyParts | None:
    return read_record(KeyParts, store.key_file(step.key)) if step.key else None


def expected(
    store: ArtifactStore, past: list[PastStep], step: str, parts: KeyParts | None, *, cached: bool
) -> Expected | None:
    """Return what a step with these parts of a key may take, by the most alike one of `past`.

    A training takes as long as its epochs; one that ended early is taken to do so again. None where
    nothing like it has been run.
    """
    alike = [one for one in past if one.step.step == step and one.step.cached == cached]
    if not cached and parts is not None:
        alike = sorted(_computed_alike(alike, parts), key=lambda one: _changes(one, parts))
    if not alike:
        return None
    nearest = alike[0]
    run, took = nearest.run, nearest.step
    seconds = took.seconds - took.start_seconds
    if cached:
        seconds = mean(one.step.seconds for one in alike[:_RECENT])
    if not cached and step == "train" and parts is not None and nearest.parts is not None:
        seconds *= _epochs(nearest, parts) / run.manifest.training.epochs_run
    return Expected(
        seconds=seconds,
        needs_tensorflow=not cached and parts is not None and "tensorflow" in parts.libraries,
        peak_mib=took.peak_mib,
        bytes_left=0 if cached else _bytes_left(store, took),
        run=run,
    )


def _computed_alike(past: list[PastStep], parts: KeyParts) -> Iterator[PastStep]:
    """Yield those of the same architecture that were computed from begin to end."""
    for one in past:
        if one.parts is None or one.step.why == LEFT_NOTHING:
            continue
        networks = (known.config.get("network", {}) for known in (one.parts, parts))
        if len({network.get("architecture") for network in networks}) == 1:
            yield one


def _changes(one: PastStep, parts: KeyParts) -> int:
    return len(diff_parts(one.parts, parts)) if one.parts is not None else 0


def _epochs(past: PastStep, parts: KeyParts) -> int:
    """Return how many epochs a training may run, by one like it."""
    assert past.parts is not None
    done = past.run.manifest.training.epochs_run
    asked: int = parts.config["fit"]["epochs"]
    return asked if done == past.parts.config["fit"]["epochs"] else min(done, asked)


def _bytes_left(store: ArtifactStore, step: StepRun) -> int:
    try:
        return sum(file.size for file in store.result(step.key or "").files.values())
    except LookupError:  # removed since
        return 0
