"""Prefect's side of the cache: the policy that makes keys, and storage that verifies hits.

Prefect looks a key up in the key storage. Ours answers only when the record, its result and
every file that the result names are whole, so that a damaged cache means a recompute.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import runtime
from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from prefect.filesystems import WritableFileSystem
from prefect.serializers import JSONSerializer
from prefect.transactions import IsolationLevel

from tasks.cache.key import KEY_IN_USE, KeyParts, cache_key, key_parts, source_was_edited
from tasks.cache.lock import ProcessLock
from tasks.cache.verified import result_faults
from tasks.common.artifact_store import ArtifactStore, CachedResult
from tasks.common.canonical_json import canonical_json
from tasks.common.records import read_record, write_record

_LOG = logging.getLogger(__name__)

_SERIALIZER = JSONSerializer()


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
        KEY_IN_USE.set(key)
        if self.store is not None:
            try:
                self.store.clear_places(key)
                if read_record(KeyParts, self.store.key_file(key)) != parts:
                    write_record(self.store.key_file(key), parts)
            except OSError as error:
                why = error.strerror
                _LOG.warning("the parts of the key of %s cannot be kept (%s)", parts.step, why)
        return key


class VerifiedRecords(WritableFileSystem):
    """The index of Prefect's cached results below an artifacts folder; a hit is checked first.

    Prefect would call whatever decoder an index or a result names. Ours is a record of what the
    step left, and a result counts only where it is just what Prefect writes for that.
    """

    _block_type_name = "Verified cache records"

    root: Path

    def read_path(self, path: str, **_: Any) -> bytes:  # type: ignore[override]  # noqa: ANN401
        """Return where the result with the key `path` lies, if all that it stands for is whole.

        Raises:
            LookupError: There is none, or something is missing or corrupt; Prefect takes
                this as a miss.
        """
        store = ArtifactStore(self.root)
        if not store.record_file(path).exists():
            raise LookupError(path)
        faults = result_faults(store, path)
        if faults:
            _LOG.warning("the cached %s is not used: %s; computing again", path, "; ".join(faults))
            raise LookupError(path)
        return canonical_json(
            {"storage_key": str(store.results.absolute() / path), "serializer": {"type": "json"}}
        ).encode()

    def write_path(self, path: str, content: bytes, **_: Any) -> None:  # type: ignore[override]  # noqa: ANN401, ARG002
        """Record the result that Prefect has just written; none whose source was edited meanwhile.

        An earlier record of the key goes too, since Prefect has replaced its result. What has
        no key, as the error of a failed step, is not kept.
        """
        store = ArtifactStore(self.root)
        parts = read_record(KeyParts, store.key_file(path))
        if parts is not None and not source_was_edited(parts):
            output = _SERIALIZER.loads((store.results / path).read_bytes())
            computed = CachedResult(key=path, output=output, flow_run_id=runtime.flow_run.id)
            write_record(store.record_file(path), computed)
            return
        store.record_file(path).unlink(missing_ok=True)
        if parts is not None:
            _LOG.warning("%s is not kept in the cache: its source was edited during this run", path)


def cache_options(store: ArtifactStore) -> dict[str, Any]:
    """Return the task options that make a step's results cached below `store`."""
    return {
        "persist_result": True,
        "result_storage": store.results.absolute(),
        "result_serializer": _SERIALIZER,
        "cache_result_in_memory": False,
        "cache_policy": StepKey(store=store).configure(
            key_storage=VerifiedRecords(root=store.root.absolute()),
            lock_manager=ProcessLock(store.locks),
            isolation_level=IsolationLevel.SERIALIZABLE,
        ),
    }
