"""Find finished runs: all of them, or the one that a user names in short."""

import os
from datetime import UTC, datetime
from pathlib import Path

from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError, PipelineError
from tasks.common.records import Record
from tasks.config.commands import spelled
from tasks.runs.manifest import Manifest, read_manifest
from tasks.runs.names import read_naming_of

LATEST = "latest"
_MOST_NAMED = 5


class Run(Record):
    """A finished run and where it lies."""

    folder: Path
    manifest: Manifest


class UnreadableRun(Record):
    """A folder that is no readable run, and why."""

    folder: Path
    reason: str


class FoundRuns(Record):
    """The runs of an artifacts folder, newest first, and the folders that cannot be read."""

    runs: list[Run]
    unreadable: list[UnreadableRun]


def find_runs(artifacts: Path) -> FoundRuns:
    """Return every run of an artifacts folder; one that cannot be read hides no other.

    A run of the future, made while a clock was wrong, is no newest one: it comes last.
    """
    now = datetime.now(UTC).isoformat()
    runs, unreadable = [], []
    for folder in _run_folders(artifacts):
        try:
            runs.append(_read(folder))
        except PipelineError as error:
            unreadable.append(UnreadableRun(folder=folder, reason=str(error)))
    runs.sort(key=lambda run: _place(run, now), reverse=True)
    return FoundRuns(runs=runs, unreadable=unreadable)


def _place(run: Run, now: str) -> tuple[bool, str, str]:
    created = run.manifest.created
    return created <= now, created, run.folder.name


def find_run(artifacts: Path, name: str) -> Run:
    """Return the run that a folder, an id, its start or last part, a name or `latest` means.

    Raises:
        BadDataError: No run or more than one has that name, or it cannot be read.
    """
    if name == LATEST:
        return _latest(artifacts)
    if name and (os.sep in name or Path(name).is_dir()):
        return _read(Path(name))
    folders = _run_folders(artifacts) if name else []
    exact = [folder for folder in folders if folder.name == name]
    matching = exact or [
        folder
        for folder in folders
        if folder.name.startswith(name)
        or folder.name.rpartition("-")[2] == name
        or read_naming_of(folder).name == name
    ]
    return _read(_only(matching, artifacts, name))


def no_runs(artifacts: Path) -> str:
    """Return what to do where an artifacts folder has no run yet."""
    return f"no runs in {ArtifactStore(artifacts).runs}; make one with: {spelled('train')}"


def _run_folders(artifacts: Path) -> list[Path]:
    """Return the folders that may be runs; a name with a dot in front marks an unfinished one."""
    runs = ArtifactStore(artifacts).runs
    try:
        entries = sorted(path for path in runs.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadDataError(
            f"{runs} cannot be read: {error.strerror}; name another folder with --artifacts"
        ) from None
    return [path for path in entries if path.is_dir()]


def _read(folder: Path) -> Run:
    try:
        return Run(folder=folder, manifest=read_manifest(folder))
    except OSError as error:
        raise BadDataError(f"{folder} cannot be read: {error.strerror}") from None


def _latest(artifacts: Path) -> Run:
    found = find_runs(artifacts)
    if found.runs:
        return found.runs[0]
    if found.unreadable:
        raise BadDataError(
            f"none of the runs in {ArtifactStore(artifacts).runs} can be read; see why with:"
            f" {spelled('runs list')}"
        )
    raise BadDataError(no_runs(artifacts))


def _only(folders: list[Path], artifacts: Path, name: str) -> Path:
    if len(folders) == 1:
        return folders[0]
    runs = ArtifactStore(artifacts).runs
    if not folders:
        raise BadDataError(f"{name!r} names no run in {runs}; see all with: {spelled('runs list')}")
    named = [folder.name for folder in folders[:_MOST_NAMED]]
    named += ["…"] if len(folders) > _MOST_NAMED else []
    raise BadDataError(
        f"{name!r} names {len(folders)} runs in {runs} ({', '.join(named)}); write more of the id"
    )
