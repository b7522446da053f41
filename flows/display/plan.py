"""What a training would do, for a person."""

from collections.abc import Iterator

from flows.display.terminal import Showable
from flows.display.training_pace import duration
from tasks.common.tables import Table, number
from tasks.config.request import TrainOptions
from tasks.plan import PlannedRun

_GIB = 2**30


def plan_shown(plan: PlannedRun, options: TrainOptions) -> list[Showable]:
    """Return a table of the steps, and sentences about time, room and device."""
    rows = [
        [
            step.step,
            "cached" if step.outcome == "cached" else "computed",
            step.why,
            "?" if seconds is None else f"{seconds:.1f}",
        ]
        for step, seconds in zip(plan.steps, plan.seconds, strict=True)
    ]
    return [
        Table("step", "result", "why", number("seconds"), rows=rows),
        "",
        *_sentences(plan, options),
    ]


def _sentences(plan: PlannedRun, options: TrainOptions) -> Iterator[str]:
    for lacking in plan.lacking:
        yield f"First: {lacking} would be brought to this machine; what follows may differ then."
    known = [seconds for seconds in plan.seconds if seconds is not None]
    unknown = [step.step for step, s in zip(plan.steps, plan.seconds, strict=True) if s is None]
    if known:
        time, least = duration(sum(known)), duration(plan.least_seconds)
        between = f", {least} where inputs come out unchanged" if least != time else ""
        by = f", by run {plan.like}" if plan.like is not None else ""
        more = f", and what is not known of {', '.join(unknown)}" if unknown else ""
        yield f"Time: about {time} in all steps{between}{by}{more}."
    else:
        yield "Time: not known; no run on this machine did these steps yet."
    if plan.like is not None:
        yield (
            f"Memory: {plan.memory_mib / 1024:.1f} GiB. Disk: {plan.disk_bytes / 2**20:.0f} MiB"
            f" of {plan.free_bytes / _GIB:.1f} GiB free."
        )
    yield f"Device: {plan.device.name} ({plan.device.reason})."
    if options.drift is not None:
        ends = "; the run ends there on an alarm" if options.drift.action == "stop" else ""
        yield f"Drift is checked after load{ends}."
    if options.promotion is not None:
        yield "Promotion is decided after the run."
    yield "Nothing was started or written."
