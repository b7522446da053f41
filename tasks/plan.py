"""What a training would do: which steps would be computed and why, how long, and how much room."""

import os
import shutil
from pathlib import Path
from typing import get_args

from tasks.cache.plan_runner import PlannedStep, PlanRunner
from tasks.chain import learn_and_judge, load
from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import Device, select_accelerator
from tasks.common.records import Record
from tasks.config.request import TrainOptions, require_divisible
from tasks.config.training import Step
from tasks.data.fetch import find_reviews
from tasks.runs.past_steps import Expected, expected, past_steps, start_seconds

_REFRESH, _TRUE = "PREFECT_TASKS_REFRESH_CACHE", ("1", "true", "t", "yes", "y", "on")

_HIT_SECONDS = 0.1
"""Of a step that was never seen to come from the cache."""


class PlannedRun(Record):
    """What a run would do.

    `seconds` are those of each step, None where no earlier run on this machine tells; memory and
    disk are those of the run `like`, and what its steps left. `lacking` has to be brought here.
    With `least_seconds` all that may come unchanged does.
    """

    steps: list[PlannedStep]
    seconds: list[float | None]
    least_seconds: float
    like: str | None
    memory_mib: int
    disk_bytes: int
    free_bytes: int
    device: Device
    lacking: list[str]


def plan_training(options: TrainOptions) -> PlannedRun:
    """Return what a training would do now; nothing is written or downloaded.

    Raises:
        PipelineError: The run would be refused for the same reason.
    """
    config, store = options.config, ArtifactStore(options.artifacts)
    device = select_accelerator(options.accelerator)
    require_divisible(config.fit, device)
    files, lacking = find_reviews(config.source, store)
    refresh = ("all",) if os.environ.get(_REFRESH, "").lower() in _TRUE else options.refresh
    run = PlanRunner(store, refresh=refresh, use_cache=options.cache)
    if files is None:
        why = "unless these reviews were used before"
        run.planned = [
            PlannedStep(step=step, outcome="depends", why=why, parts=None)
            for step in get_args(Step)
        ]
    else:
        loaded = load(run, files, config)
        learn_and_judge(run, loaded, config, files, device)
    past = past_steps(store, device)
    found = [expected(store, past, planned, config.text.maxlen) for planned in run.planned]
    known = [one for one in found if one is not None]
    like = max(known, key=lambda one: one.run.manifest.created).run if known else None
    seconds = _seconds(run.planned, found, start_seconds(past))
    copies = like.manifest.files.values() if like else ()
    return PlannedRun(
        steps=run.planned,
        seconds=seconds,
        least_seconds=_least(run.planned, seconds),
        like=like.manifest.run_id if like else None,
        memory_mib=max((one.peak_mib for one in known), default=0),
        disk_bytes=sum(one.bytes_left for one in known) + sum(file.size for file in copies),
        free_bytes=shutil.disk_usage(_existing(store.root)).free,
        device=device,
        lacking=lacking,
    )


def _seconds(
    planned: list[PlannedStep], found: list[Expected | None], start: float
) -> list[float | None]:
    """Return the seconds of each step; TensorFlow starts in the first that needs it."""
    first = next((step for step in planned if _needs_tensorflow(step)), None)
    seconds: list[float | None] = []
    for step, one in zip(planned, found, strict=True):
        if one is None:
            seconds.append(_HIT_SECONDS if step.is_likely_cached else None)
        else:
            seconds.append(round(one.seconds + (start if step is first else 0.0), 3))
    return seconds


def _needs_tensorflow(step: PlannedStep) -> bool:
    if step.is_likely_cached or step.parts is None:
        return False
    return "tensorflow" in step.parts.libraries


def _least(planned: list[PlannedStep], seconds: list[float | None]) -> float:
    """Return the seconds of all steps if every input that may come out unchanged does."""
    return sum(
        _HIT_SECONDS if step.outcome == "depends" else known or 0.0
        for step, known in zip(planned, seconds, strict=True)
    )


def _existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())
