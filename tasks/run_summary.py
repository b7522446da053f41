"""What a run reports at its end."""

from pathlib import Path

from tasks.common.artifact_store import StepRun
from tasks.common.records import Record
from tasks.registry.events import Decision
from tasks.runs.manifest import Score


class RunSummary(Record):
    """What the flow returns: where the run lies, its score, what was cached, what was decided."""

    folder: Path
    score: Score
    steps: list[StepRun]
    promotion: Decision | None = None
