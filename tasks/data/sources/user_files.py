"""Read the user's own files: labels, groups and the words of the texts, in one pass."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.common.errors import BadDataError
from tasks.common.records import path_text
from tasks.common.times import day_of
from tasks.config.training import DataConfig
from tasks.data.sources.source_files import SourceFiles
from tasks.data.tables.fields import ReadOptions, row_fault
from tasks.data.tables.labels import LabelRules, label_name, require_learned, shown
from tasks.data.tables.rows import read_rows
from tasks.data.text.corpus import (
    SPLITS,
    CodedSource,
    CodedTexts,
    LabelledTokens,
    LeftOut,
    TextCoding,
)
from tasks.data.text.tokenizer import WORD_CHARACTER
from tasks.data.text.vocabulary import hashes_of, number_names

_LOG = logging.getLogger(__name__)

_NO_LABEL, _NO_WORD, _DROPPED = "without a label", "without a word", "with a dropped label"

_MANY_LINES = 50


def read_users_files(source: SourceFiles, config: DataConfig, coding: TextCoding) -> CodedSource:
    """Return one or both sets.

    A BadDataError says that a
    file cannot be read, or that its columns or labels are not as needed; an InvalidConfigError that
    what the user says of the labels does not fit them.
    """
    code_of: dict[str, int] = {}
    read = {
        split: _UsersFile(source.paths[split], source, config, coding.begin(code_of))
        for split in SPLITS
        if split in source.paths
    }
    _require_whole_groups([file.groups for file in read.values() if file.groups is not None])
    assert source.columns is not None
    rules = LabelRules.model_validate(source, from_attributes=True)
    rules.require_known({name for file in read.values() for name in file.found})
    counts = {split: file.labels.counts() for split, file in read.items()}
    names = rules.names(sum(counts.values(), Counter()), source.columns[1])
    require_learned(names, counts["train"])
    return CodedSource(
        {split: file.reviews(names) for split, file in read.items()},
        list(code_of),
        tuple(names),
        {split: file.left_out for split, file in read.items()},
        later=np.concatenate(read["train"].later),
    )


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

    def counts(self) -> Counter[str]:
        """Return the rows of each name."""
        counts = np.bincount(self.numbers(), minlength=len(self.names)).tolist()
        return Counter(dict(zip(self.names, counts, strict=True)))

    def hashes(self) -> np.ndarray:
        """Return a hash of each row's name, uint64 of shape (n,)."""
        return np.asarray(hashes_of(name.encode() for name in self.names)[self.numbers()])


class _UsersFile:
    """What was read of a file: texts, labels and perhaps groups of the rows that are kept."""

    def __init__(
        self, path: Path, source: SourceFiles, config: DataConfig, texts: CodedTexts
    ) -> None:
        """Read it; raise a BadDataError where it, or a row of it, cannot be used."""
        assert source.columns is not None
        self.labels = _NamedRows()
        self.found: set[str] = set()
        self._rules = LabelRules.model_validate(source, from_attributes=True)
        self.groups = None if source.group_column is None else _NamedRows()
        self._texts, self._rows = texts, [np.empty(0, np.int32)]
        self.later = [np.empty(0, np.int32)]
        self._path, self._long, self._as_of = path, LeftOut(), source.as_of
        later = [f"later than {source.as_of}"] if source.as_of else []
        dropped = [_DROPPED] if self._rules.dropped else []
        self.left_out = {what: LeftOut() for what in (_NO_LABEL, _NO_WORD, *dropped, *later)}
        more = [name for name in (source.group_column, source.time_column) if name]
        columns = [*source.columns, *more]
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
        texts, labels = columns[0], self._label_names(columns[1])
        is_known = pa.array(np.ones(len(texts), bool))
        if self._as_of is not None:
            is_known = self._until(self._as_of, columns[-1], first_row)
        has_label = pc.and_(is_known, labels.is_valid())
        self.left_out[_NO_LABEL].add(pc.and_not(is_known, has_label), first_row)
        if self._rules.dropped:
            is_dropped = pc.is_in(labels, pa.array(self._rules.dropped, pa.string()))
            self.left_out[_DROPPED].add(pc.and_(has_label, is_dropped), first_row)
            has_label = pc.and_not(has_label, is_dropped)
        has_word = pc.fill_null(pc.match_substring_regex(texts, WORD_CHARACTER), fill_value=False)
        kept = pc.and_(has_label, has_word)
        self.left_out[_NO_WORD].add(pc.and_not(has_label, kept), first_row)
        lines = pc.fill_null(pc.count_substring(texts, "\n"), 0)
        self._long.add(pc.greater_equal(lines, _MANY_LINES), first_row)
        self._texts.add(texts.filter(kept))
        places = np.flatnonzero(kept.to_numpy(zero_copy_only=False))
        self._rows.append((first_row + places).astype(np.int32))
        self.labels.add(labels.filter(kept))
        if self.groups is not None:
            groups = columns[2].filter(kept)
            missing = groups.null_count + (pc.sum(pc.equal(groups, "")).as_py() or 0)
            if missing:
                raise BadDataError(f"{self._path}: {missing} rows or more have no group")
            self.groups.add(groups)

    def _label_names(self, column: pa.Array) -> pa.Array:
        encoded = column.dictionary_encode()
        names = [label_name(text) for text in encoded.dictionary.to_pylist()]
        self.found.update(name for name in names if name is not None)
        new = [None if name is None else self._rules.merged.get(name, name) for name in names]
        return pa.array(new, pa.string()).take(encoded.indices)

    def _until(self, day: date, times: pa.Array, first_row: int) -> pa.BooleanArray:
        """Return which rows were there at the end of a day; count the others."""
        encoded = times.dictionary_encode(null_encoding="encode")
        is_known = []
        for place, text in enumerate(encoded.dictionary.to_pylist()):
            try:
                is_known.append(day_of(text) <= day)
            except ValueError as error:
                row = first_row + pc.index(encoded.indices, place).as_py()
                raise row_fault(self._path, row, f"its time {error}") from None
        known = pa.array(is_known, pa.bool_()).take(encoded.indices)
        is_later = pc.invert(known)
        self.left_out[f"later than {day}"].add(is_later, first_row)
        places = np.flatnonzero(is_later.to_numpy(zero_copy_only=False))
        self.later.append((first_row + places).astype(np.int32))
        return known

    def _tell(self, config: DataConfig) -> None:
        """Say which rows are left out; raise a BadDataError where the config refuses them."""
        rules = {_NO_LABEL: config.missing_labels, _NO_WORD: config.empty_texts}
        for what, rows in self.left_out.items():
            if rows.count and rules.get(what) == "refuse":
                raise BadDataError(f"{self._path}: {what}: {rows}")
            if rows.count:
                _LOG.warning("%s: left out, %s: %s", path_text(self._path), what, rows)
        if self._long.count:
            _LOG.warning(
                "%s: texts of %d lines or more, which a quote that is not closed would give: %s",
                path_text(self._path),
                _MANY_LINES,
                self._long,
            )

    def reviews(self, names: list[str]) -> LabelledTokens:
        """Return the reviews; the number of a label is the place of its name."""
        places = np.array([names.index(name) for name in self.labels.names], np.int8)
        labels = places[self.labels.numbers()]
        groups = self.groups.hashes() if self.groups else None
        return self._texts.reviews(labels, np.concatenate(self._rows), groups)


def _require_whole_groups(files: Sequence[_NamedRows]) -> None:
    shared = sorted(set.intersection(*[set(file.names) for file in files])) if files[1:] else []
    if shared:
        raise BadDataError(
            f"{len(shared)} groups are in the training and in the test file: {shown(shared)}; take"
            " them out of one, or leave the test file away and let whole groups be held out"
        )
