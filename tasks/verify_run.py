"""Verify a finished run: its files by their hashes, its results against those of a second run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.artifact_store import ArtifactStore
from tasks.atomic_files import file_fault
from tasks.run_environment import describe_machine, library_versions
from tasks.run_manifest import MANIFEST, Manifest
from tasks.source_files import SourceFiles
from tasks.training_config import SourceConfig


def damaged_files(run: Path, manifest: Manifest) -> list[str]:
    """Return what is wrong with the files of a run, by the hashes in its manifest."""
    faults = [
        fault
        for name, file in manifest.files.items()
        if (fault := file_fault(run / name, name, file.size, file.sha256))
    ]
    present = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    faults += [
        f"{name} is not in the manifest" for name in sorted(present - {*manifest.files, MANIFEST})
    ]
    return faults


def environment_differences(manifest: Manifest) -> list[str]:
    """Return how this machine and its libraries differ from those of the run."""
    then: dict[str, Any] = manifest.versions | manifest.machine
    now: dict[str, Any] = library_versions() | describe_machine()
    return [f"{name} {then.get(name)} → {now[name]}" for name in now if then.get(name) != now[name]]


def first_difference(recorded: Manifest, repeated: Manifest) -> str | None:
    """Return the first result, in the order of the steps, in which two runs differ."""
    pairs: list[tuple[str, Any, Any]] = [
        ("raw files", recorded.source.sha256, repeated.source.sha256),
        ("data", recorded.data_content, repeated.data_content),
    ]
    pairs += [
        (name, recorded.weights[name], repeated.weights[name])
        for name in ("last_weights_hash", "best_model_hash")
    ]
    pairs += [
        (name, recorded.files[name].sha256, repeated.files[name].sha256)
        for name in ("history.json", "predictions.parquet", "metrics.json")
    ]
    for name, then, now in pairs:
        if then != now:
            return f"{name}: {then} was recorded, {now} came out"
    return None


def repeatable_source(source: SourceConfig, resolved: SourceFiles) -> SourceConfig:
    """Return the source config that leads to the same raw files; `auto` becomes what it became."""
    changes: dict[str, Any] = {"source": resolved.source}
    if resolved.source == "imdb" and source.imdb_npz is None:
        changes["imdb_form"] = resolved.form
    return source.model_copy(update=changes)


def share_downloads(store: ArtifactStore, scratch: ArtifactStore) -> None:
    """Let `scratch` use the downloads of `store`; they are checked against pinned hashes anyway."""
    scratch.downloads.parent.mkdir(parents=True, exist_ok=True)
    if store.downloads.is_dir():
        scratch.downloads.symlink_to(store.downloads.absolute(), target_is_directory=True)
