"""Mistakes in the user's files that show in their first rows, found before anything starts."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tasks.common.errors import BadDataError
from tasks.common.times import day_of
from tasks.config.training import SourceConfig, plain_names
from tasks.data.tables.decoding import NOT_UTF8, has_undecoded
from tasks.data.tables.delimited import RowError
from tasks.data.tables.fields import Fields, ReadOptions, file_kind, row_fault, text_rows
from tasks.data.tables.labels import LabelRules, label_name, require_learned

_ROWS = 20_000
"""Rows of a file that are looked at: a fraction of a second's worth."""


def check_users_files(config: SourceConfig) -> None:
    """Look at the beginning of the user's local files; raise the errors that a run would."""
    single = {"imdb-npz": config.imdb_npz, "label-fixes": config.label_fixes}
    lacking = [(option, file) for option, file in single.items() if file and not file.is_file()]
    for option, file in lacking:
        raise BadDataError(f"--{option} {file}: there is no such file")
    if config.source != "files":
        return
    rules = LabelRules.model_validate(config, from_attributes=True)
    found, learned, is_whole = Counter[str](), Counter[str](), True
    for option, path in (("--train-file", config.train_file), ("--test-file", config.test_file)):
        if path is None or isinstance(path, str):
            is_whole &= path is None
            continue
        if not path.exists():
            raise BadDataError(f"{option} {path}: there is no such file")
        labels, is_all = _labels(path, config)
        learned = learned or labels  # the training file is the first
        found, is_whole = found + labels, is_whole and is_all
    if is_whole:
        rules.require_known(found)
    names = rules.names(rules.kept(found), config.label_column, is_all=is_whole)
    if is_whole:
        require_learned(names, rules.kept(learned))


def _labels(path: Path, config: SourceConfig) -> tuple[Counter[str], bool]:
    """Return the rows of each label among the first rows, and whether these are all rows."""
    options = ReadOptions(config.encoding, config.delimiter)
    wanted = [config.label_column, config.text_column, config.group_column, config.time_column]
    judges = path == (config.test_file or config.train_file)
    wanted += plain_names(config.slice_columns if judges else None)
    columns = [*filter(None, dict.fromkeys(wanted))]
    is_parquet = file_kind(path, options).kind == "parquet"
    rows = _of_parquet(path, columns) if is_parquet else text_rows(path, columns, options)
    found = Counter[str]()
    row = -1
    for row, fields in enumerate(itertools.islice(rows, _ROWS)):
        if isinstance(fields, RowError):
            raise row_fault(path, row, str(fields))
        if any(field is not None and has_undecoded(field) for field in fields):
            raise row_fault(path, row, NOT_UTF8)
        if config.as_of is not None and config.time_column is not None:
            try:
                day = day_of(fields[columns.index(config.time_column)])
            except ValueError as error:
                raise row_fault(path, row, f"its time {error}") from None
            if day > config.as_of:
                continue
        if (name := label_name(fields[0])) is not None:
            found[name] += 1
    return found, row + 1 < _ROWS


def _of_parquet(path: Path, columns: Sequence[str]) -> Iterator[Fields]:
    from tasks.data.tables.rows import read_rows  # Arrow takes a third of a second to import

    for rows in read_rows(path, columns):
        texts = zip(*[column.to_pylist() for column in rows.columns], strict=True)
        for fields, error in zip(texts, rows.errors.to_pylist(), strict=True):
            yield fields if error is None else RowError(error)
