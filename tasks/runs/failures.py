"""One file for each run that failed, so that a person who comes later knows what happened."""

from datetime import datetime
from pathlib import Path
from typing import Any

from tasks.common.artifact_store import ArtifactStore
from tasks.common.records import Record, read_record, write_record
from tasks.runs.find import UnreadableRun


class Failure(Record):
    """A run that ended badly: when (UTC), which one, why, how far it came, and what to do next."""

    failed_at: datetime
    flow: str
    flow_run_id: str
    flow_run_name: str
    state: str
    reason: str
    last_step: str | None
    parameters: dict[str, Any]
    next: str


class Failures(Record):
    """The failures of an artifacts folder, newest first, and the files that cannot be read."""

    failures: list[Failure]
    unreadable: list[UnreadableRun]


def failure_files(store: ArtifactStore) -> list[Path]:
    """Return the files of all failures, newest first."""
    return sorted(store.failures.glob("[!.]*.json"), reverse=True)


def write_failure(artifacts: Path, failure: Failure) -> Path:
    """Keep a failure in a file of its own and return its path."""
    name = f"{failure.failed_at:%Y%m%dT%H%M%SZ}-{failure.flow_run_id[-8:]}.json"
    path = ArtifactStore(artifacts).failures / name
    write_record(path, failure)
    return path


def read_failures(artifacts: Path) -> Failures:
    """Return the failures of an artifacts folder; one that cannot be read hides no other."""
    failures, unreadable = [], []
    for path in failure_files(ArtifactStore(artifacts)):
        failure = read_record(Failure, path)
        if failure is not None:
            failures.append(failure)
        else:
            unreadable.append(UnreadableRun(folder=path, reason="it is no record of a failure"))
    return Failures(failures=failures, unreadable=unreadable)
