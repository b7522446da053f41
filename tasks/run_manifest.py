"""The records of a run: its manifest, its score, its steps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from tasks.atomic_files import file_sha256, write_text
from tasks.canonical_json import readable_json
from tasks.errors import BadDataError
from tasks.promotion_event import Decision
from tasks.records import Record
from tasks.select_accelerator import Device
from tasks.source_files import SourceFiles

MANIFEST = "manifest.json"
MANIFEST_SHA256 = "manifest.sha256"
"""Holds the manifest's own hash, as `sha256sum` writes it."""

_SCHEMA_VERSION = 2


class _Versioned(BaseModel):
    """What can be read of a manifest of any version."""

    schema_version: int


class RunFile(Record):
    """Hash and bytes of one file of a run folder."""

    sha256: str
    size: int


class Score(Record):
    """The headline of a run; never shown without its protocol and source."""

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    test_reviews: int
    protocol: str
    source: str
    form: str


class ControlScore(Record):
    """What a linear model scores that was trained on the same reviews."""

    name: str
    accuracy: float
    accuracy_low: float
    accuracy_high: float

    @classmethod
    def from_facts(cls, facts: Mapping[str, object], prefix: str = "") -> Self:
        """Return the score in the facts of the `control` step whose names begin with `prefix`."""
        return cls.model_validate({name: facts[f"{prefix}{name}"] for name in cls.model_fields})


class Training(Record):
    """How long a training went on, and which epoch (from 1 on) gave the best model."""

    epochs_run: int
    best_epoch: int


class StepRun(Record):
    """One step of a run: from the cache or computed and why, its key, and its seconds."""

    step: str
    cached: bool
    why: str
    key: str | None
    seconds: float

    @property
    def outcome(self) -> str:
        """The word for people: cached or computed."""
        return "cached" if self.cached else "computed"


class Manifest(Record):
    """What was run, on what, with which result; written last, so it marks a finished run.

    `fingerprints` are hashes of the texts and labels of the `train` and the `test` set.
    """

    schema_version: int = _SCHEMA_VERSION
    run_id: str
    flow_run_id: str
    created: str
    seed: int
    score: Score
    control: ControlScore
    bayes_control: ControlScore
    training: Training
    source: SourceFiles
    device: Device
    fingerprints: dict[str, str]
    data_content: dict[str, str]
    weights: dict[str, str]
    steps: list[StepRun]
    versions: dict[str, str]
    machine: dict[str, Any]
    git: dict[str, Any]
    files: dict[str, RunFile]

    @property
    def controls(self) -> list[ControlScore]:
        """All linear controls of the run."""
        return [self.control, self.bayes_control]


class RunSummary(Record):
    """What the flow returns: where the run lies, its score, what was cached, what was decided."""

    folder: Path
    score: Score
    steps: list[StepRun]
    promotion: Decision | None = None


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a finished run, once its own hash is checked.

    Raises:
        BadDataError: The folder is no finished run, its manifest is damaged, or it was
            written by another version of this project.
    """
    file = folder / MANIFEST
    if not file.is_file():
        raise BadDataError(f"{folder} is not a finished run: it has no {MANIFEST}")
    if not _is_whole(file):
        raise BadDataError(f"{file} is damaged: it does not have the hash in {MANIFEST_SHA256}")
    try:
        content = file.read_bytes()
        found = _Versioned.model_validate_json(content).schema_version
        if found != _SCHEMA_VERSION:
            raise BadDataError(
                f"{file} was written by another version of this project (its schema_version is"
                f" {found}, not {_SCHEMA_VERSION}); start that run again"
            )
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadDataError(f"{file} is damaged: {first['loc']}: {first['msg']}") from None


def file_records(folder: Path) -> dict[str, RunFile]:
    """Return hash and size of each file below a folder."""
    return {
        path.relative_to(folder).as_posix(): RunFile(
            sha256=file_sha256(path), size=path.stat().st_size
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest and its hash; the last files of a run."""
    file = folder / MANIFEST
    write_text(file, readable_json(manifest.model_dump(mode="json")))
    write_text(folder / MANIFEST_SHA256, _hash_line(file))


def _hash_line(file: Path) -> str:
    return f"{file_sha256(file)}  {file.name}\n"


def _is_whole(file: Path) -> bool:
    recorded = file.with_name(MANIFEST_SHA256)
    return recorded.is_file() and recorded.read_bytes() == _hash_line(file).encode()
