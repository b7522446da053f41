"""What each step took in earlier runs on this machine, and what it may take next."""

from collections.abc import Iterator
from statistics import mean, median
from typing import Any, NamedTuple

from tasks.cache.explain import LEFT_NOTHING, diff_parts
from tasks.cache.key import KeyParts
from tasks.cache.plan_runner import PlannedStep
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
    store: ArtifactStore, past: list[PastStep], planned: PlannedStep, maxlen: int
) -> Expected | None:
    """Return what a planned step may take, by those of `past` that are most alike.

    None where nothing like it has been run.
    """
    cached, parts = planned.is_likely_cached, planned.parts
    alike = [one for one in past if one.step.step == planned.step and one.step.cached == cached]
    if not cached and parts is not None:
        alike = sorted(_computed_alike(alike, parts), key=lambda one: _changes(one, parts))
    if not alike:
        return None
    nearest = alike[0]
    seconds = _alone(nearest.step)
    if cached:
        seconds = mean(one.step.seconds for one in alike[:_RECENT])
    elif planned.step == "train" and parts is not None:
        like = [one for one in alike if _sizes(one) == _sizes(nearest)][:_RECENT]
        known = [(_work(past, one, maxlen), _alone(one.step)) for one in like]
        seconds = _seconds_at(_epochs(like, parts.config["fit"]) * maxlen, known)
    return Expected(
        seconds=seconds,
        peak_mib=nearest.step.peak_mib,
        bytes_left=0 if cached else _bytes_left(store, nearest.step),
        run=nearest.run,
    )


def _alone(step: StepRun) -> float:
    """Return the seconds of a step without TensorFlow's start."""
    return step.seconds - step.start_seconds


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


def _sizes(training: PastStep) -> tuple[object, ...]:
    """Return what a training's time depends on beside its reviews and epochs."""
    assert training.parts is not None
    config = training.parts.config
    return config["network"], config["fit"]["batch_size"], config["fit"]["training_step"]


def _work(past: list[PastStep], training: PastStep, likely: int) -> int:
    """Return how many epochs a training went through, times the tokens of a review.

    These are `likely` where the key of the run's network has been removed.
    """
    run = training.run
    built = (one.parts for one in past if one.run is run and one.step.step == "build")
    maxlen = next((parts.config["maxlen"] for parts in built if parts is not None), likely)
    return run.manifest.training.epochs_run * int(maxlen)


def _seconds_at(work: float, known: list[tuple[int, float]]) -> float:
    """Return the seconds of so much work, by (work, seconds) of like trainings, nearest first.

    Trainings of two sizes tell how much of them is compiling, the same for any work. By those of
    one size, all of the time is taken to grow with the work.
    """
    size, seconds = known[0]
    slope = seconds / size
    for other, took in known[1:]:
        if other != size:
            slope = min(max((seconds - took) / (size - other), slope / 2), slope)
            break
    return median(took + slope * (work - done) for done, took in known)


def _epochs(like: list[PastStep], fit: dict[str, Any]) -> float:
    """Return how many epochs a training may run: its best one comes when that of such ones came.

    Early stopping ends it so many epochs later. A last epoch that is the best tells of no end.
    """
    trainings = [one.run.manifest.training for one in like]
    best = [one.best_epoch for one in trainings if one.best_epoch < one.epochs_run]
    asked: int = fit["epochs"]
    return min(asked, median(best) + fit["stop_patience"]) if best else asked


def _bytes_left(store: ArtifactStore, step: StepRun) -> int:
    try:
        return sum(file.size for file in store.result(step.key or "").files.values())
    except LookupError:  # removed since
        return 0
