"""Files with their hashes, and the list of all files of a folder: written last, checked first."""

from fnmatch import fnmatch
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ValidationError

from tasks.common.atomic_files import file_sha256, write_bytes
from tasks.common.errors import BadDataError
from tasks.common.records import Record, write_json


class HashedFile(Record):
    """Hash and bytes of a file."""

    sha256: str
    size: int

    def fault(self, path: Path, name: str) -> str | None:
        """Return how the file at `path`, called `name`, differs; None when it is whole."""
        if path.is_symlink():
            return f"{name} is a link"
        if not path.is_file():
            return f"{name} is missing"
        found = path.stat().st_size
        if found != self.size:
            return f"{name} has {found} bytes instead of {self.size}"
        if file_sha256(path) != self.sha256:
            return f"{name} is corrupt (its hash differs)"
        return None


def hashed_files(folder: Path) -> dict[str, HashedFile]:
    """Return hash and size of each file below a folder, by its path inside."""
    return {
        path.relative_to(folder).as_posix(): HashedFile(
            sha256=file_sha256(path), size=path.stat().st_size
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class _Versioned(BaseModel):
    """What can be read of a list of any version."""

    schema_version: int


class FileList(Record):
    """Lists the files of a folder.

    A kind of list has a `NAME`, a `HASH_NAME` for the file with the list's own hash as `sha256sum`
    writes it, a `VERSION`, and `AGAIN`, which says what to do where a list cannot be used.
    Files of the patterns in `UNLISTED` may be there too.
    """

    NAME: ClassVar[str]
    HASH_NAME: ClassVar[str]
    VERSION: ClassVar[int]
    AGAIN: ClassVar[str]
    UNLISTED: ClassVar[tuple[str, ...]] = ()

    files: dict[str, HashedFile]

    def write(self, folder: Path) -> str:
        """Write the list and its hash, the last files of a folder; return that hash."""
        write_json(folder / self.NAME, self)
        sha256 = file_sha256(folder / self.NAME)
        write_bytes(folder / self.HASH_NAME, self._hash_line(sha256))
        return sha256

    @classmethod
    def is_whole(cls, folder: Path) -> bool:
        """Tell whether the list in a folder has the hash that is noted beside it."""
        noted = folder / cls.HASH_NAME
        line = cls._hash_line(file_sha256(folder / cls.NAME))
        return noted.is_file() and noted.read_bytes() == line

    @classmethod
    def parse(cls, content: bytes, place: Path) -> Self:
        """Return the list; raise a BadDataError where it is damaged or of another version."""
        try:
            found = _Versioned.model_validate_json(content).schema_version
            if found != cls.VERSION:
                raise BadDataError(
                    f"{place} was written by another version of this project (its schema_version"
                    f" is {found}, not {cls.VERSION}); {cls.AGAIN}"
                )
            return cls.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            raise BadDataError(f"{place} is damaged: {first['loc']}: {first['msg']}") from None

    def faults(self, folder: Path) -> list[str]:
        """Return what is wrong with the files of a folder, and which are not in the list."""
        faults = [
            fault for name, file in self.files.items() if (fault := file.fault(folder / name, name))
        ]
        known = {*self.files, self.NAME, self.HASH_NAME}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            may_be = any(fnmatch(name, pattern) for pattern in self.UNLISTED)
            if path.is_file() and name not in known and not may_be:
                faults.append(f"{name} is not in {self.NAME}")
            if path.is_symlink() and name not in self.files:
                faults.append(f"{name} is a link")
        return faults

    @classmethod
    def _hash_line(cls, sha256: str) -> bytes:
        return f"{sha256}  {cls.NAME}\n".encode()
