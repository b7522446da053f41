"""Verify a finished run: its files by their hashes, its results against those of a second run."""

from typing import Any

from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import Device, select_accelerator
from tasks.common.errors import AcceleratorError
from tasks.config.training import SourceConfig
from tasks.data.sources.source_files import SourceFiles
from tasks.runs.environment import describe_machine, library_versions
from tasks.runs.manifest import Manifest

_RESULTS = (
    "history.json",
    "predictions.parquet",
    "metrics.json",
    "baseline_metrics.json",
    "bayes_baseline_metrics.json",
)


def environment_differences(manifest: Manifest, device: Device) -> list[str]:
    """Return how device, machine, libraries and their settings differ from those of the run."""
    then: dict[str, Any] = {"device": manifest.device.content_hash}
    now: dict[str, Any] = {"device": device.content_hash}
    then |= manifest.machine | manifest.versions
    now |= describe_machine() | library_versions()
    return [f"{name} {then.get(name)} → {now[name]}" for name in now if then.get(name) != now[name]]


def changed_source(recorded: SourceFiles, found: SourceFiles) -> str | None:
    """Return which raw file is no longer the one that the run was made from."""
    for name, sha256 in recorded.sha256.items():
        if found.sha256.get(name) != sha256:
            return f"the raw file {name} ({recorded.paths[name]}) is not that of the run"
    return None


def first_difference(recorded: Manifest, repeated: Manifest) -> str | None:
    """Return the first result, in the order of the steps, in which two runs differ."""
    pairs: list[tuple[str, Any, Any]] = [
        (f"data {name}", content, repeated.data_content.get(name))
        for name, content in recorded.data_content.items()
    ]
    pairs += [
        (name, recorded.weights[name], repeated.weights[name])
        for name in ("last_weights_hash", "best_model_hash")
    ]
    pairs += [
        (name, recorded.files[name].sha256, repeated.files[name].sha256)
        for name in _RESULTS
        if name in recorded.files
    ]
    different = (
        f"{name}: {then} was recorded, {now} came out" for name, then, now in pairs if then != now
    )
    return next(different, None)


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


def repeatable_accelerator(device: Device) -> str:
    """Return the accelerator of the recorded kind, `auto` where this machine has none such."""
    wanted = device.kind if device.count == 1 else "multi-gpu"
    try:
        select_accelerator(wanted)
    except AcceleratorError:
        return "auto"
    return wanted
