"""Read the user's own files: labels and groups at once, the texts chunk by chunk."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.common.errors import BadDataError
from tasks.data.review_files import rebatched
from tasks.data.sources.source_files import SourceFiles
from tasks.data.sources.tabular import read_rows
from tasks.data.text.corpus import SPLITS, FilesAndNames, TextFile
from tasks.data.text.vocabulary import number_names

_SHOWN_NAMES = 5

_CHUNK_ROWS = 4096
"""Texts whose words are numbered together: many, since each chunk looks up its distinct words."""


def read_users_files(source: SourceFiles) -> FilesAndNames:
    """Return one or both sets, and the names of the labels 0 and 1.

    Raises:
        BadDataError: A file cannot be read, or its columns or labels are not as needed.
    """
    assert source.columns is not None
    text, label = source.columns
    named = {"label": label} | ({"group": source.group_column} if source.group_column else {})
    read = {
        split: _read_names(source.paths[split], text, named)
        for split in SPLITS
        if split in source.paths
    }
    _require_whole_groups([found["group"] for found in read.values() if "group" in found])
    names = _in_order({name for found in read.values() for name in found["label"].names})
    if len(names) != 2:  # noqa: PLR2004 - a yes-or-no question
        raise BadDataError(
            f"column {label!r} must hold exactly two different labels, found"
            f" {len(names)}: {_shown(names) or 'none'}"
        )
    files = {}
    for split, found in read.items():
        labels = (found["label"].numbers() == found["label"].names.get(names[1])).astype(np.int8)
        texts = partial(_users_texts, source.paths[split], text, len(labels))
        groups = found["group"].numbers() if "group" in found else None
        files[split] = TextFile(labels, texts, groups)
    return files, (names[0], names[1])


class _NamedRows:
    """A column of names, each of them numbered from 0 on in the order in which they occur."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.missing = 0
        self._numbers = [np.empty(0, np.int32)]

    def add(self, column: pa.Array) -> None:
        names = pc.if_else(pc.equal(column, ""), None, column)
        self.missing += names.null_count
        self._numbers.append(number_names(names.drop_null(), self.names))

    def numbers(self) -> np.ndarray:
        """Return the number of each row's name, int32 of shape (n,)."""
        return np.concatenate(self._numbers)


def _read_names(path: Path, text: str, named: dict[str, str]) -> dict[str, _NamedRows]:
    """Return the columns `named` of a user's file, whose texts are read later."""
    found = {what: _NamedRows() for what in named}
    rows = 0
    # The texts too, so that a fault in them is reported before any work is done.
    for batch in read_rows(path, list(dict.fromkeys([text, *named.values()]))):
        rows += batch.num_rows
        _as_text(path, batch[text], pa.large_string())
        for what, column in named.items():
            found[what].add(_as_text(path, batch[column], pa.string()))
    if not rows:
        raise BadDataError(f"{path} holds no reviews")
    for what, names in found.items():
        if names.missing:
            where = f" in column {named[what]!r}" if what == "group" else ""
            raise BadDataError(f"{path}: {names.missing} rows have no {what}{where}")
    return found


def _as_text(path: Path, column: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadDataError(f"{path}: the columns cannot be read as text ({error})") from None


def _users_texts(path: Path, column: str, rows: int) -> Iterator[pa.Array]:
    """Yield the texts of a file that was seen to have `rows` rows."""
    read = 0
    texts = (
        _as_text(path, batch[column], pa.large_string()) for batch in read_rows(path, [column])
    )
    for batch in rebatched((pa.record_batch([some], ["text"]) for some in texts), _CHUNK_ROWS):
        read += batch.num_rows
        if read > rows:
            break
        yield batch["text"]
    if read != rows:
        raise BadDataError(f"{path} was changed while it was read; start again")


def _require_whole_groups(files: Sequence[_NamedRows]) -> None:
    groups = [set(named.names) for named in files]
    shared = sorted(set.intersection(*groups)) if len(groups) > 1 else []
    if shared:
        raise BadDataError(
            f"{len(shared)} groups are in the training and in the test file: {_shown(shared)}; take"
            " them out of one, or leave the test file away and let whole groups be held out"
        )


def _shown(names: list[str]) -> str:
    return ", ".join(map(repr, names[:_SHOWN_NAMES])) + (", …" if len(names) > _SHOWN_NAMES else "")


def _in_order(names: set[str]) -> list[str]:
    """Return label names in the order of their numbers, or else of their letters."""
    try:
        return sorted(names, key=float)
    except ValueError:
        return sorted(names)
