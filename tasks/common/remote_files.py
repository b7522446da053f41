"""Bring a file from S3 or Google Cloud Storage to this machine, once for each version of it.

pyarrow speaks to the store and finds credentials, region and endpoint where its clients do:
https://arrow.apache.org/docs/python/filesystems.html.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tasks.common.atomic_files import file_sha256, whole_file
from tasks.common.errors import BadDataError, SourceUnavailableError, first_line
from tasks.common.records import Record, read_record, write_record

if TYPE_CHECKING:
    from pyarrow import fs

_LOG = logging.getLogger(__name__)

_COPY_BYTES = 1 << 22


class RemoteVersion(Record):
    """What a copy was made from, and the hash of its bytes."""

    uri: str
    size: int
    modified_ns: int
    sha256: str


def is_remote(name: object) -> bool:
    """Tell whether a name is that of a file in a store, not of one on this machine."""
    return isinstance(name, str) and name.startswith(("s3://", "gs://"))


def local_copy(uri: str, downloads: Path) -> Path:
    """Return the path of a copy of a remote file; one of the same version is used again.

    Raises:
        BadDataError: There is no such file.
        SourceUnavailableError: The store cannot be reached, or does not let us in.
    """
    name = hashlib.sha256(uri.encode()).hexdigest()[:16]
    path = PurePosixPath(uri.partition("?")[0]).name
    copy = downloads / "remote" / f"{name}-{path}"
    note = copy.with_name(f"{copy.name}.json")
    system, place = _system(uri)
    found = _ask(uri, system, place)
    known = read_record(RemoteVersion, note)
    asked = (uri, found.size, found.mtime_ns or 0)
    is_same = known is not None and (known.uri, known.size, known.modified_ns) == asked
    if known and is_same and copy.is_file() and file_sha256(copy) == known.sha256:
        return copy
    _LOG.info("downloading %s (%d bytes)", uri, found.size)
    try:
        with (
            system.open_input_stream(place) as source,
            whole_file(copy) as temporary,
            temporary.open("wb") as target,
        ):
            shutil.copyfileobj(source, target, _COPY_BYTES)
    except OSError as error:
        if error.errno is not None and error.filename is not None:
            raise  # this machine's disk
        raise _unreachable(uri, error) from None
    version = RemoteVersion(uri=uri, size=asked[1], modified_ns=asked[2], sha256=file_sha256(copy))
    write_record(note, version)
    return copy


def _system(uri: str) -> tuple[fs.FileSystem, str]:
    from pyarrow import ArrowException, fs

    try:
        system, place = fs.FileSystem.from_uri(uri)
    except (ArrowException, OSError, ValueError) as error:
        raise BadDataError(f"{uri} is no address of a file: {first_line(error)}") from None
    return system, place


def _ask(uri: str, system: fs.FileSystem, place: str) -> Any:  # noqa: ANN401 - pyarrow is not typed
    try:
        found = system.get_file_info(place)
    except OSError as error:
        raise _unreachable(uri, error) from None
    if not found.is_file:
        raise BadDataError(f"{uri}: there is no such file")
    return found


def _unreachable(uri: str, error: Exception) -> SourceUnavailableError:
    return SourceUnavailableError(
        f"{uri} cannot be read: {first_line(error)}; check the network and the credentials"
    )
