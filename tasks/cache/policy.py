"""Prefect's side of the cache: the policy that makes keys, and storage that verifies hits.

Prefect looks a key up in the key storage. Ours answers only when the record, its result and
every file that the result names are whole, so that a damaged cache means a recompute.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from prefect.filesystems import WritableFileSystem
from prefect.transactions import IsolationLevel

from tasks.cache.key import KeyParts, cache_key, key_parts, source_was_edited
from tasks.cache.lock import ProcessLock
from tasks.common.artifact_store import ArtifactStore, parse_output
from tasks.common.atomic_files import write_bytes
from tasks.common.canonical_json import canonical_json
from tasks.common.records import read_record, write_record

_LOG = logging.getLogger(__name__)


@dataclass
class StepKey(CachePolicy):
    """Cache policy of all steps; stores the parts of each key beside the results."""

    store: ArtifactStore | None = None

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],  # noqa: ARG002 - the whole config is no part of a key
        **kwargs: Any,  # noqa: ANN401, ARG002 - Prefect's signature
    ) -> str | None:
        """Return the key of a task run."""
        parts = key_parts(task_ctx.task.name, task_ctx.task.fn, inputs)
        key = cache_key(parts)
        if self.store is not None and read_record(KeyParts, self.store.key_file(key)) != parts:
            try:
                write_record(self.store.key_file(key), parts)
            except OSError as error:
                why = error.strerror
                _LOG.warning("the parts of the key of %s cannot be kept (%s)", parts.step, why)
        return key


class VerifiedRecords(WritableFileSystem):
    """Storage of Prefect's cache records below an artifacts folder, checked when read."""

    _block_type_name = "Verified cache records"

    root: Path

    def read_path(self, path: str, **_: Any) -> bytes:  # type: ignore[override]  # noqa: ANN401
        """Return the record with the key `path` if all that it stands for is whole.

        Raises:
            LookupError: There is none, or something is missing or corrupt; Prefect takes
                this as a miss.
        """
        file = self._file(path)
        if not file.exists():
            raise LookupError(path)
        store = ArtifactStore(self.root)
        result = store.results.absolute() / path
        try:
            record = json.loads(file.read_bytes())
            faults = store.faults(parse_output(result.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            faults = [f"its record is damaged ({type(error).__name__})"]
        if faults:
            _LOG.warning("the cached %s is not used: %s; computing again", path, "; ".join(faults))
            raise LookupError(path)
        # The folder may have been moved since; Prefect recorded an absolute path.
        return canonical_json(record | {"storage_key": str(result)}).encode()

    def write_path(self, path: str, content: bytes, **_: Any) -> None:  # type: ignore[override]  # noqa: ANN401
        """Write a record, whole or not at all; none where its source was edited meanwhile.

        An earlier record of the key goes too, since Prefect has replaced its result. What has
        no key, as the error of a failed step, is not kept.
        """
        parts = read_record(KeyParts, ArtifactStore(self.root).key_file(path))
        if parts is not None and not source_was_edited(parts):
            write_bytes(self._file(path), content)
            return
        self._file(path).unlink(missing_ok=True)
        if parts is not None:
            _LOG.warning("%s is not kept in the cache: its source was edited during this run", path)

    def _file(self, key: str) -> Path:
        return ArtifactStore(self.root).records / f"{key}.json"


def cache_options(store: ArtifactStore) -> dict[str, Any]:
    """Return the task options that make a step's results cached below `store`."""
    return {
        "persist_result": True,
        "result_storage": store.results.absolute(),
        "result_serializer": "json",
        "cache_result_in_memory": False,
        "cache_policy": StepKey(store=store).configure(
            key_storage=VerifiedRecords(root=store.root.absolute()),
            lock_manager=ProcessLock(store.locks),
            isolation_level=IsolationLevel.SERIALIZABLE,
        ),
    }
