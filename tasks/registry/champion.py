"""The champion's files: an append-only log, which is the truth, and a pointer that follows it.

A decision is made and written under one lock, which dies with its process. Its line goes to the
end of the log first, then the pointer is replaced. So after a kill at any point there is either
no trace of the decision, or a torn line that never counted and is set aside, or a whole line
that the pointer is brought up to.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import file_sha256, sync_folder
from tasks.common.canonical_json import canonical_json
from tasks.common.errors import ChampionAlreadyError, PromotionError, storage_errors
from tasks.common.locks import take_lock
from tasks.common.records import read_record, sealed, unsealed, write_record
from tasks.registry.events import Champion, PromotionEvent, current_champion
from tasks.runs.find import Run
from tasks.runs.manifest import MANIFEST, read_manifest

_LOGGER = logging.getLogger(__name__)


class ChampionStore:
    """Pointer and log of one artifacts folder."""

    def __init__(self, artifacts: Path) -> None:
        """Take the artifacts folder; nothing is created before the first decision."""
        self.artifacts = artifacts
        self._store = ArtifactStore(artifacts)
        self.pointer, self.log = self._store.champion, self._store.promotions

    def events(self) -> list[PromotionEvent]:
        """Return all events, oldest first; raise a PromotionError where the log is damaged."""
        # The pointer first: an event that is written between the two reads is in the log only.
        pointer = read_record(Champion, self.pointer)
        lines = self._content().split(b"\n")[:-1]
        events = [self._parse(number, line) for number, line in enumerate(lines, start=1)]
        if pointer is not None and pointer.number > len(events):
            raise PromotionError(
                f"{self.log} has {len(events)} events, but {self.pointer} names event"
                f" {pointer.number}: bring the whole log back, or remove both files to start over"
            )
        return events

    def champion(self) -> Champion | None:
        """Return the champion, with the pointer set to what the log says."""
        champion = current_champion(self.events())
        if champion == read_record(Champion, self.pointer):
            return champion
        with self.deciding() as events:
            return current_champion(events)

    @contextmanager
    def deciding(self) -> Iterator[list[PromotionEvent]]:
        """Yield the events; until the block ends nobody else can decide."""
        with storage_errors(self.artifacts):
            lock = take_lock(
                self._store.deciding, "another promotion is being decided; waiting for it"
            )
        with lock:
            with storage_errors(self.artifacts):
                self._settle()
            yield self.events()

    def append(self, event: PromotionEvent) -> None:
        """Write an event and the pointer that follows from it; only inside `deciding`."""
        with storage_errors(self.artifacts):
            _append(self.log, canonical_json(sealed(event)).encode())
            sync_folder(self.artifacts)
            self._point()

    def _settle(self) -> None:
        """Set a torn last line aside, and bring the pointer to what the log says."""
        torn = self._content().rpartition(b"\n")[2]
        if torn:
            _append(self._store.torn_promotions, torn)
            with self.log.open("r+b") as file:
                file.truncate(file.seek(0, os.SEEK_END) - len(torn))
                os.fsync(file.fileno())
            _LOGGER.warning(
                "the last line of %s was torn; it is now in %s",
                self.log,
                self._store.torn_promotions.name,
            )
        self._point()

    def _point(self) -> None:
        champion = current_champion(self.events())
        if champion is not None and champion != read_record(Champion, self.pointer):
            write_record(self.pointer, champion)

    def _content(self) -> bytes:
        return self.log.read_bytes() if self.log.exists() else b""

    def _parse(self, number: int, line: bytes) -> PromotionEvent:
        try:
            event = unsealed(PromotionEvent, line, canonical_json)
        except ValueError:
            event = None
        if event is None or event.number != number:
            raise PromotionError(
                f"{self.log} is damaged: its line {number} is not event {number}; bring the file"
                " back as it was"
            )
        return event


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        rest = line + b"\n"
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def promoted_run(artifacts: Path, promoted: Champion | PromotionEvent) -> Run:
    """Return the run that was promoted; raise a PromotionError where a file is not as it was."""
    folder = ArtifactStore(artifacts).runs / promoted.run_id
    if not folder.is_dir():
        raise PromotionError(f"{folder} is missing: bring it back")
    manifest = read_manifest(folder)
    faults = manifest.faults(folder)
    if file_sha256(folder / MANIFEST) != promoted.manifest_sha256:
        faults.insert(0, f"{MANIFEST} is not the one that was promoted")
    if faults:
        raise PromotionError(f"{folder} is damaged ({'; '.join(faults)}): bring it back as it was")
    return Run(folder=folder, manifest=manifest)


def best_model(run: Run) -> str:
    """Return the hash of the weights that a run would be promoted for."""
    return run.manifest.weights["best_model_hash"]


def require_other(events: Sequence[PromotionEvent], run_id: str) -> Champion | None:
    """Return the champion, if any; raise a ChampionAlreadyError where it is the run of this id."""
    champion = current_champion(events)
    if champion is not None and champion.run_id == run_id:
        raise ChampionAlreadyError(f"{run_id} is the champion already, since {champion.since}")
    return champion
