"""Read the user's own files: labels and groups at once, the texts chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.common.errors import BadDataError
from tasks.data.sources.source_files import SourceFiles
from tasks.data.sources.tabular import read_rows
from tasks.data.text.corpus import SPLITS, FilesAndNames, TextFile
from tasks.data.text.vocabulary import number_names, text_chunks

_SHOWN_NAMES = 5

_CHUNK_ROWS = 4096
"""Texts whose words are numbered together: many, since each chunk looks up its distinct words."""


def read_users_files(source: SourceFiles) -> FilesAndNames:
    """Return one or both sets, and the names of the labels 0 and 1.

    Raises:
        BadDataError: A file cannot be read, or its columns or labels are not as needed.
    """
    assert source.columns is not None
    read = {
        split: _UsersColumns.of(source.paths[split], *source.columns, source.group_column)
        for split in SPLITS
        if split in source.paths
    }
    _require_whole_groups([columns.groups for columns in read.values()])
    names = _in_order({name for columns in read.values() for name in columns.labels.names})
    if len(names) != 2:  # noqa: PLR2004 - a yes-or-no question
        raise BadDataError(
            f"column {source.columns[1]!r} must hold exactly two different labels, found"
            f" {len(names)}: {_shown(names) or 'none'}"
        )
    files = {split: columns.file(names[1]) for split, columns in read.items()}
    return files, (names[0], names[1])


class _NamedRows:
    """A column of names, each of them numbered from 0 on in the order in which they occur."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self._numbers: list[np.ndarray] = []

    def add(self, column: pa.Array) -> None:
        self._numbers.append(number_names(column, self.names))

    def numbers(self) -> np.ndarray:
        """Return the number of each row's name, int32 of shape (n,)."""
        return np.concatenate([np.empty(0, np.int32), *self._numbers])


@dataclass(frozen=True)
class _UsersColumns:
    """Labels and perhaps groups of a user's file, whose texts are read later."""

    path: Path
    text_column: str
    labels: _NamedRows
    groups: _NamedRows | None

    @classmethod
    def of(
        cls, path: Path, text_column: str, label_column: str, group_column: str | None
    ) -> _UsersColumns:
        labels, groups = _NamedRows(), None if group_column is None else _NamedRows()
        columns = [label_column, *([group_column] if group_column else [])]
        missing = dict.fromkeys(columns, 0)
        # The texts too, so that a fault in them is reported before any work is done.
        for batch in read_rows(path, list(dict.fromkeys([text_column, *columns]))):
            _as_text(path, batch[text_column], pa.large_string())
            for column, found in ((label_column, labels), (group_column, groups)):
                if column is None or found is None:
                    continue
                names = _names(path, batch[column])
                missing[column] += names.null_count
                found.add(names.drop_null())
        if not any(missing.values()) and not len(labels.numbers()):
            raise BadDataError(f"{path} holds no reviews")
        if missing[label_column]:
            raise BadDataError(f"{path}: {missing[label_column]} rows have no label")
        if group_column and missing[group_column]:
            raise BadDataError(
                f"{path}: {missing[group_column]} rows have no group in column {group_column!r}"
            )
        return cls(path, text_column, labels, groups)

    def file(self, positive: str) -> TextFile:
        """Return the file with the label 1 for the name `positive`, 0 for any other."""
        labels = (self.labels.numbers() == self.labels.names.get(positive)).astype(np.int8)
        texts = partial(_users_texts, self.path, self.text_column, len(labels))
        return TextFile(labels, texts, self.groups.numbers() if self.groups else None)


def _names(path: Path, column: pa.Array) -> pa.Array:
    """Return a column as text, null where there is nothing."""
    names = _as_text(path, column, pa.string())
    return pc.if_else(pc.equal(names, ""), None, names)


def _as_text(path: Path, column: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadDataError(f"{path}: the columns cannot be read as text ({error})") from None


def _users_texts(path: Path, column: str, rows: int) -> Iterator[pa.Array]:
    """Yield the texts of a file that was seen to have `rows` rows."""
    read, pending = 0, _no_texts()
    for batch in read_rows(path, [column]):
        read += batch.num_rows
        pending.append(_as_text(path, batch[column], pa.large_string()))
        if read > rows:
            break
        if sum(map(len, pending)) >= _CHUNK_ROWS:
            yield from text_chunks(pa.chunked_array(pending))
            pending = _no_texts()
    yield from text_chunks(pa.chunked_array(pending))
    if read != rows:
        raise BadDataError(f"{path} was changed while it was read; start again")


def _no_texts() -> list[pa.Array]:
    return [pa.array([], pa.large_string())]


def _require_whole_groups(files: Sequence[_NamedRows | None]) -> None:
    groups = [set(named.names) for named in files if named is not None]
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
