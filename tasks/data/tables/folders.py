"""Folders of Parquet files, as Spark and Dask write them."""

from pathlib import Path
from urllib.parse import unquote

from tasks.common.errors import BadDataError

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def parquet_parts(path: Path) -> list[Path]:
    """Return the files of a file or folder by their names; raise a BadDataError without any."""
    if path.is_file():
        return [path]
    parts = [
        part
        for part in sorted(path.rglob("*.parquet"))
        if not any(name.startswith(("_", ".")) for name in part.relative_to(path).parts)
    ]
    if not parts:
        raise BadDataError("is a folder without Parquet files")
    return parts


def folder_columns(path: Path, part: Path) -> dict[str, str | None]:
    """Return the columns that stand in the names of folders, as `label=good`."""
    found: dict[str, str | None] = {}
    for folder in part.relative_to(path).parts[:-1]:
        name, is_column, value = folder.partition("=")
        if is_column:
            found[name] = None if value == _NO_VALUE else unquote(value)
    return found
