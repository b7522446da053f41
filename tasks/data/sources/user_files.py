"""Read the user's own files: labels, groups and texts at once, the texts to the disk."""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.common.errors import BadDataError
from tasks.common.records import path_text
from tasks.config.training import DataConfig
from tasks.data.sources.source_files import SourceFiles
from tasks.data.tables.fields import ReadOptions, row_fault
from tasks.data.tables.labels import label_name, label_names, shown
from tasks.data.tables.rows import read_rows
from tasks.data.text.corpus import SPLITS, FilesAndNames, LeftOut, TextFile
from tasks.data.text.tokenizer import WORD_CHARACTER
from tasks.data.text.vocabulary import number_names

_LOG = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 23
"""Texts whose words are numbered together: many, since each chunk looks up its distinct words."""

_MANY_LINES = 50


def read_users_files(
    source: SourceFiles, config: DataConfig, folder: Path | None = None
) -> FilesAndNames:
    """Return one or both sets, and the names of the labels 0 and 1.

    The texts go to the disk of `folder`, by default that of temporary files. A BadDataError says
    that a file cannot be read, or that its columns or labels are not as needed; an
    InvalidConfigError that the positive label is none of the labels.
    """
    read = {
        split: _UsersFile(source.paths[split], source, config, folder)
        for split in SPLITS
        if split in source.paths
    }
    _require_whole_groups([file.groups for file in read.values() if file.groups is not None])
    assert source.columns is not None
    found = {name for file in read.values() for name in file.labels.names}
    names = label_names(found, source.columns[1], source.positive_label)
    return {split: file.text_file(names[1]) for split, file in read.items()}, names


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


class _TextsOnDisk:
    """Texts in a temporary file without a name, read as often as one likes."""

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as this object
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._schema = pa.schema({"text": pa.large_string()})
        self._writer = pa.ipc.new_stream(self._file, self._schema, options=options)
        self._waiting: list[pa.Array] = []

    def add(self, texts: pa.Array) -> None:
        self._waiting.append(texts)
        if sum(some.nbytes for some in self._waiting) >= _CHUNK_BYTES:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            texts = pa.concat_arrays(self._waiting)
            self._writer.write_batch(pa.record_batch([texts], schema=self._schema))
        self._waiting = []

    def read(self) -> Iterator[pa.Array]:
        """Yield the texts in chunks of megabytes."""
        self._write()
        self._writer.close()
        self._file.seek(0)
        for batch in pa.ipc.open_stream(self._file):
            yield batch["text"]


class _UsersFile:
    """What was read of a file: texts, labels and perhaps groups of the rows that are kept."""

    def __init__(
        self, path: Path, source: SourceFiles, config: DataConfig, folder: Path | None
    ) -> None:
        """Read it; raise a BadDataError where it, or a row of it, cannot be used."""
        assert source.columns is not None
        self.labels = _NamedRows()
        self.groups = None if source.group_column is None else _NamedRows()
        self._texts = _TextsOnDisk(folder)
        self._left_out = {"label": LeftOut(), "word": LeftOut()}
        self._path, self._long = path, LeftOut()
        columns = [*source.columns, *([source.group_column] if source.group_column else [])]
        distinct = list(dict.fromkeys(columns))
        row = 0
        for rows in read_rows(path, distinct, ReadOptions(source.encoding, source.delimiter)):
            fault = pc.index(rows.errors.is_valid(), pa.scalar(value=True)).as_py()
            if fault >= 0:
                raise row_fault(path, row + fault, rows.errors[fault].as_py())
            self._add([rows.columns[distinct.index(column)] for column in columns], row)
            row += len(rows)
        if row == 0:
            raise BadDataError(f"{path} holds no reviews")
        self._tell(config)
        if not len(self.labels.numbers()):
            raise BadDataError(f"{path} holds no review with a label and a word")

    def _add(self, columns: list[pa.Array], first_row: int) -> None:
        texts, labels = columns[0], _label_names(columns[1])
        has_label = labels.is_valid()
        has_word = pc.fill_null(pc.match_substring_regex(texts, WORD_CHARACTER), fill_value=False)
        self._left_out["label"].add(pc.invert(has_label), first_row)
        self._left_out["word"].add(pc.and_(has_label, pc.invert(has_word)), first_row)
        lines = pc.fill_null(pc.count_substring(texts, "\n"), 0)
        self._long.add(pc.greater_equal(lines, _MANY_LINES), first_row)
        kept = pc.and_(has_label, has_word)
        self._texts.add(texts.filter(kept))
        self.labels.add(labels.filter(kept))
        if self.groups is not None:
            groups = columns[2].filter(kept)
            missing = groups.null_count + (pc.sum(pc.equal(groups, "")).as_py() or 0)
            if missing:
                raise BadDataError(f"{self._path}: {missing} rows or more have no group")
            self.groups.add(groups)

    def _tell(self, config: DataConfig) -> None:
        """Say which rows are left out; raise a BadDataError where the config refuses them."""
        for what, rows in self._left_out.items():
            is_refused = {"label": config.missing_labels, "word": config.empty_texts}[what]
            if rows.count and is_refused == "refuse":
                raise BadDataError(f"{self._path}: without a {what}: {rows}")
            if rows.count:
                _LOG.warning("%s: left out, without a %s: %s", path_text(self._path), what, rows)
        if self._long.count:
            _LOG.warning(
                "%s: texts of %d lines or more, which a quote that is not closed would give: %s",
                path_text(self._path),
                _MANY_LINES,
                self._long,
            )

    def text_file(self, positive: str) -> TextFile:
        """Return the file with the label 1 for the name `positive`, 0 for any other."""
        labels = (self.labels.numbers() == self.labels.names.get(positive)).astype(np.int8)
        groups = self.groups.numbers() if self.groups else None
        return TextFile(labels, self._texts.read, groups, self._left_out)


def _label_names(column: pa.Array) -> pa.Array:
    encoded = column.dictionary_encode()
    names = [label_name(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(names, pa.string()).take(encoded.indices)


def _require_whole_groups(files: Sequence[_NamedRows]) -> None:
    shared = sorted(set.intersection(*[set(file.names) for file in files])) if files[1:] else []
    if shared:
        raise BadDataError(
            f"{len(shared)} groups are in the training and in the test file: {shown(shared)}; take"
            " them out of one, or leave the test file away and let whole groups be held out"
        )
