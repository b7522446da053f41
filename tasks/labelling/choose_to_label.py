"""Choose the unlabelled texts that would teach most, and write them as a table to label."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import require_new, write_csv
from tasks.common.errors import BadDataError
from tasks.common.formatting import interval_text, shortened, signed
from tasks.common.tables import Column, Table, number
from tasks.config.experiments import LabelNextConfig
from tasks.config.training import SourceConfig, TrainingConfig
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.split import TEST, VALIDATION, fold_numbers, is_chosen
from tasks.data.tables.fields import ReadOptions, row_fault
from tasks.data.tables.rows import read_rows
from tasks.data.text.corpus import INTO_WORDS
from tasks.data.text.tokenization import Tokenization
from tasks.data.text.vocabulary import RaggedTokens, Vocabulary, hashes_of
from tasks.evaluation.baselines import bayes_probabilities
from tasks.labelling.label_next import back_test, rows_that_teach
from tasks.model.answers import answers, of_each, sureness

_SHOWN, _FOLDS = 10, 5


@dataclass(frozen=True)
class Unlabelled:
    """n texts without labels: hashes of their words, and of what is never split, uint64."""

    texts: list[str]
    words: np.ndarray
    hashes: np.ndarray
    units: np.ndarray


def chosen_to_label(config: TrainingConfig, artifacts: Path, search: LabelNextConfig) -> Table:
    """Write the unlabelled texts that would teach most as CSV, and return the first as a table.

    Texts that would become test or validation reviews are left out: a model may not choose what it
    is judged by. A BadDataError says that a file cannot be read, or that no text is left; a file
    that is there already is not written over, since it may hold a person's labels.
    """
    require_new(search.output)
    unlabelled = _read(search.texts, config.source)
    with ArtifactStore(artifacts).in_use() as store, store.workspace() as folder:
        tokenization = Tokenization.of(config.text)
        facts = load_reviews(fetch_reviews(config.source, store), config.data, folder, tokenization)
        columns = ["tokens", "label", "text_hash", "unit"]
        train, test = (
            pq.read_table(folder / f"{one}.parquet", columns=columns) for one in ("train", "test")
        )
        vocabulary = Vocabulary.read(folder / "vocabulary.json")
    labelled = np.concatenate([train["text_hash"], test["text_hash"]])
    is_new = _is_new(unlabelled, labelled)
    free = np.flatnonzero(is_new & ~_judges(unlabelled.units, config))
    if not len(free):
        raise BadDataError(
            f"{search.texts}: no text is left to choose from: all are empty, labelled already, or"
            " would be test or validation reviews; give more texts"
        )
    tokens, labels, names = train["tokens"], train["label"].to_numpy(), facts["label_names"]
    assert isinstance(names, list)
    texts = _lists(vocabulary.tokens([pa.array([unlabelled.texts[row] for row in free])]))
    learns, tokenizer = np.ones(len(labels), bool), config.text.tokenizer
    given = bayes_probabilities(tokens, learns, labels, [texts], tokenizer)
    chosen = rows_that_teach(of_each(given), texts, search.rows)
    said, sure = answers(given), sureness(given)
    rows = [
        (str(free[row]), unlabelled.texts[free[row]], names[said[row]], f"{sure[row]:.4f}")
        for row in chosen.tolist()
    ]
    head = ("row", config.source.text_column, config.source.label_column, "seems", "probability")
    write_csv(search.output, [head, *((row, text, "", *answer) for row, text, *answer in rows)])
    held = fold_numbers(train["unit"].to_numpy(), _FOLDS) == 0
    parts = [(tokens.filter(pa.array(part)), labels[part]) for part in (~held, held)]
    tried = back_test(parts[0], parts[1], search.rows, tokenizer)
    notes = [
        f"{len(rows):,} of {len(unlabelled.texts):,} texts are in {search.output}; label them in"
        f" its column {config.source.label_column}, and add them to the training table. Left out"
        f" were {int((~is_new).sum()):,} that are empty, repeated or labelled already, and"
        f" {int(is_new.sum()) - len(free):,} that would be test or validation reviews: a model may"
        " not choose what it is judged by.",
    ]
    if tried is None:
        notes.append("There are too few labelled reviews to try what the choice brings.")
    else:
        bounds = interval_text(tried.low, tried.high)
        notes.append(
            f"Tried on known labels, {tried.rows:,} chosen rows after {tried.beginning:,} bring"
            f" {signed(tried.chosen - tried.drawn)} (95 % {bounds}) against as many drawn ones:"
            f" {tried.chosen:.4f} and {tried.drawn:.4f} on {tried.judged:,} reviews held back."
        )
    return Table(
        *(number("row"), "seems", number("probability"), Column("text", width=36)),
        rows=[(row, seems, p, shortened(text)) for row, text, seems, p in rows[:_SHOWN]],
        notes=notes,
    )


def _read(file: Path, source: SourceConfig) -> Unlabelled:
    columns = [source.text_column, *([source.group_column] if source.group_column else [])]
    reading = ReadOptions(source.encoding, source.delimiter, lines=True)
    coded = INTO_WORDS.begin({})
    texts, groups = list[str](), list[np.ndarray]()
    for rows in read_rows(file, list(dict.fromkeys(columns)), reading):
        for place, fault in enumerate(rows.errors.to_pylist()):
            if fault:
                raise row_fault(file, len(texts) + place, fault)
        named = rows.columns[-1].fill_null("").to_pylist()
        groups.append(hashes_of(name.encode() for name in named))
        column = rows.columns[0].fill_null("")
        coded.add(column)
        texts += column.to_pylist()
    if not texts:
        raise BadDataError(f"{file} holds no texts")
    read = coded.reviews(np.zeros(len(texts), np.int8))
    units = np.concatenate(groups) if source.group_column else read.hashes
    return Unlabelled(texts, read.lengths, read.hashes, units)


def _is_new(unlabelled: Unlabelled, labelled: np.ndarray) -> np.ndarray:
    """Return which texts have words, are the first of the same words, and are not labelled."""
    is_first = np.zeros(len(unlabelled.texts), bool)
    is_first[np.unique(unlabelled.hashes, return_index=True)[1]] = True
    return is_first & (unlabelled.words > 0) & ~np.isin(unlabelled.hashes, labelled)


def _judges(units: np.ndarray, config: TrainingConfig) -> np.ndarray:
    """Return which texts would be test or validation reviews of the table."""
    data, protocol = config.data, config.protocol
    judges = np.zeros(len(units), bool)
    if config.source.test_file is None and config.source.source == "files":
        judges |= is_chosen(units, data.test_fraction, data.test_seed, TEST)
    if protocol.protocol == "honest":
        judges |= is_chosen(units, protocol.validation_fraction, protocol.split_seed, VALIDATION)
    return judges


def _lists(tokens: RaggedTokens) -> pa.ChunkedArray:
    return pa.chunked_array([pa.ListArray.from_arrays(tokens.offsets.astype(np.int32), tokens.ids)])
