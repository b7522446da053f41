"""Bring a file from S3 or Google Cloud Storage to this machine, once for each version of it.

pyarrow speaks to the store and finds credentials, region and endpoint where its clients do:
https://arrow.apache.org/docs/python/filesystems.html.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tasks.common.atomic_files import file_sha256, whole_file
from tasks.common.errors import BadDataError, SourceUnavailableError, first_line
from tasks.common.records import Record, read_record, write_record

if TYPE_CHECKING:
    from pyarrow import fs

_LOG = logging.getLogger(__name__)

_COPY_BYTES = 1 << 22

NO_CREDENTIALS = (
    "must not hold a key, which logs and reports would show; put it into AWS_ACCESS_KEY_ID and"
    " AWS_SECRET_ACCESS_KEY, ~/.aws/credentials, or what the store's own client reads"
)
"""What is allowed of a remote address, for the name of its option."""


class CopiedFile(Record):
    """What a copy was made from, and the hash of its bytes."""

    size: int
    modified_ns: int
    sha256: str


class RemoteVersion(Record):
    """The copies that were made of an address, by their place below it; "." is the address."""

    uri: str
    files: dict[str, CopiedFile]


def is_remote(name: object) -> bool:
    """Tell whether a name is that of a file in a store, not of one on this machine."""
    return isinstance(name, str) and name.startswith(("s3://", "gs://"))


def holds_credentials(name: object) -> bool:
    """Tell whether a remote address holds a key, as s3://KEY:SECRET@bucket/file does."""
    return isinstance(name, str) and is_remote(name) and "@" in name.split("/")[2]


def local_copy(uri: str, downloads: Path) -> Path:
    """Return the path of a copy of a remote file or folder; copies of the same version stay.

    Raises:
        BadDataError: There is no such file.
        SourceUnavailableError: The store cannot be reached, or does not let us in.
    """
    name = hashlib.sha256(uri.encode()).hexdigest()[:16]
    path = PurePosixPath(uri.partition("?")[0]).name
    copy = downloads / "remote" / f"{name}-{path}"
    note = copy.with_name(f"{copy.name}.json")
    system, listed = _listed(uri)
    known = read_record(RemoteVersion, note)
    before = known.files if known and known.uri == uri else {}
    if copy.is_dir() and "." in listed:
        shutil.rmtree(copy)
    elif copy.is_file() and "." not in listed:
        copy.unlink()
    files = {
        part: _copied(uri, system, found, copy / part, before.get(part))
        for part, found in listed.items()
    }
    for file in copy.rglob("[!.]*"):
        if file.is_file() and file.relative_to(copy).as_posix() not in files:
            file.unlink()  # it is no longer in the store
    if files != before:
        write_record(note, RemoteVersion(uri=uri, files=files))
    return copy


def _copied(
    uri: str, system: fs.FileSystem, found: fs.FileInfo, copy: Path, known: CopiedFile | None
) -> CopiedFile:
    """Copy a file, unless what is known of its copy is still so."""
    asked = (found.size, found.mtime_ns or 0)
    is_same = known is not None and (known.size, known.modified_ns) == asked
    if known and is_same and copy.is_file() and file_sha256(copy) == known.sha256:
        return known
    _LOG.info("downloading %s (%d bytes)", found.path, found.size)
    try:
        with (
            system.open_input_stream(found.path) as source,
            whole_file(copy) as temporary,
            temporary.open("wb") as target,
        ):
            shutil.copyfileobj(source, target, _COPY_BYTES)
    except OSError as error:
        if error.errno is not None and error.filename is not None:
            raise  # this machine's disk
        raise _unreachable(uri, error) from None
    return CopiedFile(size=asked[0], modified_ns=asked[1], sha256=file_sha256(copy))


def _listed(uri: str) -> tuple[fs.FileSystem, dict[str, fs.FileInfo]]:
    """Return the store, and the file or those of the folder by their place below the address."""
    from pyarrow import ArrowException, fs

    try:
        system, place = fs.FileSystem.from_uri(uri)
    except (ArrowException, OSError, ValueError) as error:
        raise BadDataError(f"{uri} is no address of a file: {first_line(error)}") from None
    try:
        found = system.get_file_info(place)
        if found.is_file:
            return system, {".": found}
        selector = fs.FileSelector(place, allow_not_found=True, recursive=True)
        files = [part for part in system.get_file_info(selector) if part.is_file]
    except OSError as error:
        raise _unreachable(uri, error) from None
    if not files:
        raise BadDataError(f"{uri}: there is no such file")
    parts = {PurePosixPath(part.path).relative_to(found.path): part for part in files}
    outside = [part for part in parts if ".." in part.parts]
    if outside:
        raise BadDataError(f"{uri}: the name {str(outside[0])!r} in it leads outside; rename it")
    return system, {part.as_posix(): file for part, file in parts.items()}


def _unreachable(uri: str, error: Exception) -> SourceUnavailableError:
    return SourceUnavailableError(
        f"{uri} cannot be read: {first_line(error)}; check the network and the credentials"
    )
