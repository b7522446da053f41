"""Runs that a person has pinned: retention never removes them."""

import json
from pathlib import Path

from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError
from tasks.common.records import write_json


def pinned_runs(artifacts: Path) -> list[str]:
    """Return the ids of the pinned runs, sorted; raise a BadDataError for a damaged file."""
    file = ArtifactStore(artifacts).pinned
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return []
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise BadDataError(
            f"{file} is damaged: it must be a list of run ids; fix it or remove it, and pin again"
        )
    return sorted(found)


def pin_run(artifacts: Path, run_id: str) -> None:
    """Keep a run for as long as it is pinned."""
    _write(artifacts, {*pinned_runs(artifacts), run_id})


def unpin_run(artifacts: Path, run_id: str) -> None:
    """Let retention decide on a run again."""
    _write(artifacts, set(pinned_runs(artifacts)) - {run_id})


def _write(artifacts: Path, names: set[str]) -> None:
    write_json(ArtifactStore(artifacts).pinned, sorted(names))
