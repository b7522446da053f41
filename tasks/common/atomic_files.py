"""Files that are whole or absent: written under a temporary name, synced, then renamed."""

import csv
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tasks.common.errors import ExportError

TEMPORARY_PREFIX = ".writing-"
"""Begins the name of what is not finished, so that a person sees it and listings pass it over."""


_ABANDONED_S = 86_400


def require_new(target: Path) -> None:
    """Raise an ExportError where an export would write over something."""
    if target.exists():
        raise ExportError(f"{target} is there already; remove it or name another one")


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make the bytes of `path` survive a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def temporary_path(folder: Path, suffix: str = "") -> Path:
    """Return an unused name in `folder`; its prefix marks it as unfinished."""
    return folder / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}{suffix}"


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in `parent`; what still has its name when the block ends is removed."""
    folder = temporary_path(parent)
    try:
        folder.mkdir(parents=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what has stood unfinished in a folder for a day."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
        with suppress(FileNotFoundError):
            if time.time() - path.lstat().st_mtime < _ABANDONED_S:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def set_folder_aside(path: Path) -> None:
    """Where a folder stands in the place of a file, make it something unfinished, to be removed."""
    if path.is_dir() and not path.is_symlink():
        path.replace(temporary_path(path.parent))


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends well.

    An existing file is replaced. When the block raises, nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(path.parent, path.suffix)
    try:
        yield temporary
        sync_file(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees the old file or the new one."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, whole or not at all."""
    write_bytes(path, text.encode())


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Write rows, the head among them, as CSV in UTF-8, whole or not at all."""
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
