"""Content-addressed files: a step's output is stored under the hash of its bytes."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from pydantic import Field

from tasks.common.atomic_files import (
    file_sha256,
    remove_leftovers,
    scratch_folder,
    set_folder_aside,
    sync_file,
    sync_folder,
    temporary_path,
)
from tasks.common.canonical_json import json_sha256
from tasks.common.errors import FolderInUseError, storage_errors
from tasks.common.hashed_files import HashedFile
from tasks.common.locks import alone_in, in_use
from tasks.common.records import Record, read_record

Fact = str | int | float | bool | None | list[str]


UNKNOWN = "?"
"""The content hash of what is still to be computed, in a plan."""


class StoredFile(HashedFile):
    """One file of the store.

    `content` is what the next step's cache key sees: the hash of the bytes, or of
    the meaning where equal content has differing bytes (a `.keras` file holds a date).
    """

    name: str
    content: str


class StepOutput(Record):
    """What a step hands to the next: its files by name, and small facts."""

    step: str
    files: dict[str, StoredFile]
    facts: dict[str, Fact] = Field(default_factory=dict)

    @property
    def contents(self) -> dict[str, str]:
        """Content hash of each file by its name."""
        return {name: file.content for name, file in self.files.items()}

    @property
    def content_hash(self) -> str:
        """SHA-256 over the content of all files and facts."""
        return json_sha256({"files": self.contents, "facts": self.facts})


class StepRun(Record):
    """One step of a run: from the cache or computed and why, its key, and its seconds.

    In `start_seconds` of these TensorFlow started; `peak_mib` is the memory that the process had
    needed until the step ended.
    """

    step: str
    cached: bool
    why: str
    key: str | None
    seconds: float
    start_seconds: float = 0.0
    peak_mib: int = 0

    @property
    def outcome(self) -> str:
        """The word for people: cached or computed."""
        return "cached" if self.cached else "computed"


class CachedResult(Record):
    """What a step left, and its cache key, so that no record passes for another one.

    `flow_run_id` is that of the flow run that computed it, None where that is not known.
    """

    key: str
    output: StepOutput
    flow_run_id: str | None = None


class ArtifactStore:
    """The artifacts folder: what lies where in it is said here only."""

    def __init__(self, root: Path) -> None:
        """Take the folder `root`; nothing is created before `open`."""
        self.root = root
        cache = root / "cache"
        self.objects = cache / "objects"  # what steps left, by its hash
        self.downloads = cache / "downloads"
        self.training = cache / "training"  # states of trainings that are not complete
        self.keys = cache / "keys"  # the parts of each key
        self.records = cache / "records"  # what cached steps left, by key
        self.results = cache / "results"  # the same as Prefect writes it
        self.locks = cache / "locks"  # by key
        self.judged = cache / "judged"  # what models answered to other runs' test reviews
        self.runs = root / "runs"  # finished ones
        self.runs_page = root / "runs.html"  # all of them on one page
        self.failures = root / "failures"  # a record for each run that failed
        self.pinned = root / "pinned.json"  # runs that a person keeps
        self.champion = root / "champion.json"
        self.promotions = root / "promotions.jsonl"
        self.torn_promotions = root / "promotions.torn"  # torn ends that were cut off
        self.deciding = root / "promotions.lock"

    def key_file(self, key: str) -> Path:
        """Return where the parts of `key` are kept, for a person and for comparison."""
        return self.keys / f"{key}.json"

    def record_file(self, key: str) -> Path:
        """Return where it is kept what the step with the cache key `key` left."""
        return self.records / f"{key}.json"

    def run_of(self, flow_run_id: str) -> str:
        """Return the name of a flow run, as a list of runs shows it, and whether it is in one."""
        short = flow_run_id[:8]
        if any(self.runs.glob(f"[!.]*-{short}")):
            return f"run {short}"
        return f"flow run {short}, of which there is no run folder,"

    def clear_places(self, key: str) -> None:
        """Set folders aside that stand where files of a cached result belong."""
        files = self.key_file(key), self.record_file(key), self.results / key
        for file in (*files, self.locks / f"{key}.lock"):
            set_folder_aside(file)

    def experiment(self, kind: str, name: str) -> Path:
        """Return the folder of an experiment of many trainings."""
        return self.root / kind / name

    def open(self) -> Self:
        """Create the folders; raise a StorageError where they cannot be written to."""
        with storage_errors(self.root):
            for folder in (self.objects, self.downloads, self.runs):
                folder.mkdir(parents=True, exist_ok=True)
            probe = temporary_path(self.root)
            try:
                probe.write_bytes(b"x" * 4096)
            finally:
                probe.unlink(missing_ok=True)
        return self

    @contextmanager
    def in_use(self) -> Iterator[Self]:
        """Open the store and keep maintenance out of it during the block, as `locks.in_use`.

        What a killed run left half-written a day ago is removed first, unless a run is in progress.
        """
        with suppress(FolderInUseError), alone_in(self.root):
            for place in (self.objects, self.runs, *self.records.glob("*"), *self.keys.glob("*")):
                remove_leftovers(place)
        with in_use(self.root):
            yield self.open()

    def path(self, file: StoredFile) -> Path:
        """Return where `file` lies; its name ends like the original's."""
        return self.objects / file.sha256[:2] / f"{file.sha256}{Path(file.name).suffix}"

    def file(self, output: StepOutput, name: str) -> Path:
        """Return the path of the file `name` of `output`."""
        return self.path(output.files[name])

    def result(self, key: str) -> StepOutput:
        """Return what the step with this cache key left; a LookupError says why there is none."""
        return self.cached(key).output

    def cached(self, key: str) -> CachedResult:
        """Return the record of a cache key; a LookupError says why there is none."""
        file = self.record_file(key)
        if not file.exists():
            raise LookupError(f"{file} is missing")
        found = read_record(CachedResult, file)
        if found is None or found.key != key:
            raise LookupError(f"{file} is damaged")
        return found

    def faults(self, output: StepOutput) -> list[str]:
        """Return what is wrong with the stored bytes of the files of `output`."""
        files = output.files.values()
        return [fault for file in files if (fault := file.fault(self.path(file), file.name))]

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Yield a scratch folder on the store's disk; raise a StorageError where that is full."""
        with storage_errors(self.root), scratch_folder(self.objects) as folder:
            yield folder

    def keep(
        self,
        step: str,
        folder: Path,
        facts: Mapping[str, Fact] | None = None,
        content: Mapping[str, str] | None = None,
    ) -> StepOutput:
        """Move all files of a workspace into the store and return their record.

        Equal inputs give equal `facts`. `content` has the hash of the meaning of each file whose
        bytes vary by themselves.
        """
        files = {}
        for path in sorted(folder.iterdir()):
            sha256 = file_sha256(path)
            file = StoredFile(
                name=path.name,
                sha256=sha256,
                size=path.stat().st_size,
                content=(content or {}).get(path.name, sha256),
            )
            target = self.path(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            set_folder_aside(target)
            sync_file(path)
            os.replace(path, target)  # noqa: PTH105 - says that a present file is replaced
            sync_folder(target.parent)
            files[path.name] = file
        return StepOutput(step=step, files=files, facts=dict(facts or {}))
