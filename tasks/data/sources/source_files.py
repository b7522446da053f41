"""The record of a source: which raw files, with which hashes, and why this source."""

from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

from tasks.common.atomic_files import file_sha256
from tasks.common.canonical_json import json_sha256
from tasks.common.errors import BadDataError
from tasks.common.records import AnyPath, Record
from tasks.config.training import SourceConfig, plain_names
from tasks.data.tables.folders import parquet_parts

Form = Literal["keras", "packages", "packaged", "files"]

OFFICIAL_SPLIT_ROWS = 25_000

FIXES = "label_fixes"
"""What the file of corrected labels is called among the raw files of a source."""


HOW_READ = (
    *("group_column", "time_column", "as_of", "encoding", "delimiter"),
    *("positive_label", "labels", "drop_labels", "merge_labels"),
)
"""What the user says of the files, in the config and in what was found by it."""


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
    paths: dict[str, AnyPath]
    sha256: dict[str, str]
    columns: tuple[str, str] | None = None
    group_column: str | None = None
    time_column: str | None = None
    as_of: date | None = None
    encoding: str | None = None
    delimiter: str | None = None
    positive_label: str | None = None
    labels: str | None = None
    drop_labels: str | None = None
    merge_labels: str | None = None
    reason: str

    @property
    def content_hash(self) -> str:
        """SHA-256 over form, file hashes and how they are read; where they lie is no part."""
        content: dict[str, Any] = {"form": self.form, "files": self.sha256, "columns": self.columns}
        for name in HOW_READ:
            if (value := getattr(self, name)) is not None:
                content[name] = str(value)
        return json_sha256(content)


class SliceColumns(Record):
    """Columns by which test reviews are sliced, and their file; where that lies is no part."""

    file: AnyPath
    sha256: str
    columns: tuple[str, ...]
    encoding: str | None = None
    delimiter: str | None = None

    @classmethod
    def of(cls, files: SourceFiles, config: SourceConfig) -> Self | None:
        """Return those that a config names, of the file that the test reviews are in."""
        if not config.slice_columns:
            return None
        name = "test" if "test" in files.paths else "train"
        return cls(
            file=files.paths[name],
            sha256=files.sha256[name],
            columns=tuple(dict.fromkeys(plain_names(config.slice_columns))),
            encoding=files.encoding,
            delimiter=files.delimiter,
        )

    @property
    def content_hash(self) -> str:
        """SHA-256 over the file's content, the columns and how they are read."""
        return json_sha256(self.model_dump(mode="json", exclude={"file"}))


def content_sha256(path: Path) -> str:
    """Return the hash of a file, or of all files of a folder of Parquet files.

    A BadDataError says that it is missing, or that a folder has no such files.
    """
    if path.is_file():
        return file_sha256(path)
    if not path.exists():
        raise BadDataError(f"{path}: there is no such file")
    parts = parquet_parts(path)
    return json_sha256({str(part.relative_to(path)): file_sha256(part) for part in parts})


def require_unchanged(path: Path, sha256: str) -> None:
    """Raise a BadDataError where an input was written to since its `content_sha256` was taken."""
    if content_sha256(path) != sha256:
        raise BadDataError(f"{path} was changed while it was read; start again")
