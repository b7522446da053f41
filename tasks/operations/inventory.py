"""What lies in an artifacts folder: runs, cached results, files, leftovers, with size and age."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import TEMPORARY_PREFIX
from tasks.common.errors import PipelineError
from tasks.common.records import Record
from tasks.runs.failures import failure_files
from tasks.runs.manifest import read_manifest

Kind = Literal["run", "cached result", "stored file", "training", "failure record", "leftover"]


class Found(Record):
    """Something that may be removed; its paths are in the order of removal.

    `keys` are the cache keys that a run used, None if it cannot be read, or that of a cached
    result; `objects` are the stored files that such a result names.
    """

    kind: Kind
    name: str
    paths: tuple[Path, ...]
    changed: float
    size: int
    keys: frozenset[str] | None = frozenset()
    objects: frozenset[str] = frozenset()


def take_inventory(store: ArtifactStore) -> list[Found]:
    """Return what lies in the folder of `store`, in an order in which it can be removed."""
    folders = _visible(store.objects)
    stored = [path for folder in folders for path in _visible(folder)]
    return [
        *map(_run, _visible(store.runs)),
        *_cached_results(store),
        *(_file("stored file", path, path.name[:12] + path.suffix) for path in stored),
        *(_file("training", path, path.name[:12]) for path in _visible(store.training)),
        *(_file("failure record", path, path.stem) for path in failure_files(store)),
        *(_file("leftover", path, path.name) for path in _leftovers(store.root)),
    ]


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


def _run(folder: Path) -> Found:
    found: dict[str, object] = {"keys": None}
    with suppress(PipelineError, OSError):
        manifest = read_manifest(folder)
        keys = frozenset(step.key for step in manifest.steps if step.key is not None)
        changed = datetime.fromisoformat(manifest.created).timestamp()
        found = {"keys": keys, "changed": changed}
    return _file("run", folder, folder.name).model_copy(update=found)


def _cached_results(store: ArtifactStore) -> Iterator[Found]:
    paths: dict[str, list[Path]] = {}
    # In this order one is removed: without its record nobody looks for the rest.
    for folder in (store.records, store.results, store.keys, store.locks):
        for step in _visible(folder):
            for path in _visible(step):
                paths.setdefault(f"{step.name}/{path.name.partition('.')[0]}", []).append(path)
    for key, found in sorted(paths.items()):
        yield Found(
            kind="cached result",
            name=key[: key.index("/") + 13],
            paths=tuple(found),
            changed=max(path.stat().st_mtime for path in found),
            size=sum(path.stat().st_size for path in found),
            keys=frozenset({key}),
            objects=_named_objects(store, key),
        )


def _named_objects(store: ArtifactStore, key: str) -> frozenset[str]:
    """Return the names of the stored files of a result; none where it is damaged."""
    try:
        files = store.result(key).files.values()
    except LookupError:
        return frozenset()
    return frozenset(store.path(file).name for file in files)


def _file(kind: Kind, path: Path, name: str) -> Found:
    parts = [path] if path.is_file() else [part for part in path.rglob("*") if part.is_file()]
    size = sum(part.stat().st_size for part in parts)
    return Found(kind=kind, name=name, paths=(path,), changed=path.stat().st_mtime, size=size)
