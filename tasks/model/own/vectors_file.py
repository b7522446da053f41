"""The user's file of pretrained vectors, before any of it is read."""

from tasks.common.atomic_files import file_sha256
from tasks.common.errors import BadDataError
from tasks.common.records import AnyPath, Record
from tasks.config.training import OwnNetworkConfig


class VectorsFile(Record):
    """A file of vectors; a cache key has its hash, not its path."""

    path: AnyPath
    content_hash: str


def vectors_file(network: OwnNetworkConfig) -> VectorsFile | None:
    """Return the file of vectors that a config names; a BadDataError says that it is not there."""
    file = network.embeddings
    if file is None:
        return None
    if not file.is_file():
        raise BadDataError(f"--embeddings {file}: there is no such file")
    return VectorsFile(path=file, content_hash=file_sha256(file))
