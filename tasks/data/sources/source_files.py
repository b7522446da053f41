"""The record of a source: which raw files, with which hashes, and why this source."""

from pathlib import Path
from typing import Any, Literal

from tasks.common.atomic_files import file_sha256
from tasks.common.canonical_json import json_sha256
from tasks.common.errors import BadDataError
from tasks.common.records import Record

Form = Literal["keras", "packages", "packaged", "files"]

TRAIN_GROUPS = "train_groups.parquet"

OFFICIAL_SPLIT_ROWS = 25_000


def source_label(source: str, form: str) -> str:
    """Return a source's name for people, with its form where it has several."""
    return source if source == form else f"{source}-{form}"


class SourceFiles(Record):
    """Verified raw files of one source.

    `form` tells apart what one source can be made of: `keras` (imdb.npz), `packages`
    (the official split rebuilt), `packaged` (offline subset), `files` (the user's own, whose
    text and label columns `columns` names).
    """

    source: Literal["imdb", "packaged", "files"]
    form: Form
    paths: dict[str, Path]
    sha256: dict[str, str]
    columns: tuple[str, str] | None = None
    group_column: str | None = None
    reason: str

    @property
    def content_hash(self) -> str:
        """SHA-256 over form, file hashes and column names; where the files lie is no part."""
        content: dict[str, Any] = {"form": self.form, "files": self.sha256, "columns": self.columns}
        if self.group_column is not None:
            content["group_column"] = self.group_column
        return json_sha256(content)


def require_unchanged(files: SourceFiles) -> None:
    """Check that the raw files are still those whose hashes were taken.

    Raises:
        BadDataError: One was written to meanwhile.
    """
    for name, path in files.paths.items():
        if file_sha256(path) != files.sha256[name]:
            raise BadDataError(f"{path} was changed while it was read; start again")
