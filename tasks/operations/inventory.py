"""What lies in an artifacts folder: runs, cached results, files, leftovers, with size and age."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from tasks.common.artifact_store import ArtifactStore, parse_output
from tasks.common.atomic_files import TEMPORARY_PREFIX
from tasks.common.errors import PipelineError
from tasks.common.records import Record
from tasks.runs.failures import failure_files
from tasks.runs.manifest import read_manifest


class FoundFile(Record):
    """A file or folder by itself."""

    path: Path
    changed: float
    size: int


class FoundRun(FoundFile):
    """A folder below `runs`, with the cache keys that its run used; None if it cannot be read."""

    keys: frozenset[str] | None


class FoundEntry(Record):
    """All that the cache holds for one key, and the stored files that its result names."""

    key: str
    paths: tuple[Path, ...]
    objects: frozenset[str]
    changed: float
    size: int


class Inventory(Record):
    """All that may be removed of an artifacts folder."""

    runs: list[FoundRun]
    entries: list[FoundEntry]
    objects: dict[str, FoundFile]
    trainings: list[FoundFile]
    failures: list[FoundFile]
    leftovers: list[FoundFile]


def take_inventory(store: ArtifactStore) -> Inventory:
    """Return what lies in the folder of `store`."""
    return Inventory(
        runs=[_run(folder) for folder in _visible(store.runs)],
        entries=_entries(store),
        objects={
            path.name: _file(path)
            for folder in _visible(store.objects)
            for path in _visible(folder)
        },
        trainings=[_file(path) for path in _visible(store.training)],
        failures=[_file(path) for path in failure_files(store)],
        leftovers=[_file(path) for path in _leftovers(store.root)],
    )


def _visible(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _leftovers(root: Path) -> Iterator[Path]:
    """Yield what a killed process was writing; nobody looks into such a folder."""
    for path in sorted(root.rglob(f"{TEMPORARY_PREFIX}*")):
        inside = path.relative_to(root).parts[:-1]
        if not any(part.startswith(TEMPORARY_PREFIX) for part in inside):
            yield path


def _run(folder: Path) -> FoundRun:
    keys, changed = None, folder.stat().st_mtime
    with suppress(PipelineError, OSError):
        manifest = read_manifest(folder)
        keys = frozenset(step.key for step in manifest.steps if step.key is not None)
        changed = datetime.fromisoformat(manifest.created).timestamp()
    return FoundRun(path=folder, keys=keys, changed=changed, size=_size(folder))


def _entries(store: ArtifactStore) -> list[FoundEntry]:
    paths: dict[str, list[Path]] = {}
    # In this order an entry is removed: without its record nobody looks for the rest.
    for folder in (store.records, store.results, store.keys, store.locks):
        for step in _visible(folder):
            for path in _visible(step):
                paths.setdefault(f"{step.name}/{path.name.partition('.')[0]}", []).append(path)
    return [_entry(key, tuple(found)) for key, found in sorted(paths.items())]


def _entry(key: str, paths: tuple[Path, ...]) -> FoundEntry:
    results = (path for path in paths if path.parent.parent.name == "results")
    return FoundEntry(
        key=key,
        paths=paths,
        objects=frozenset().union(*map(_named_objects, results)),
        changed=max(path.stat().st_mtime for path in paths),
        size=sum(path.stat().st_size for path in paths),
    )


def _named_objects(result: Path) -> set[str]:
    """Return the names of the stored files of a result; none where it is damaged or an error."""
    try:
        output = parse_output(result.read_bytes())
    except (ValueError, KeyError, TypeError):
        return set()
    return {f"{file.sha256}{Path(file.name).suffix}" for file in output.files.values()}


def _file(path: Path) -> FoundFile:
    return FoundFile(path=path, changed=path.stat().st_mtime, size=_size(path))


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(part.stat().st_size for part in path.rglob("*") if part.is_file())
