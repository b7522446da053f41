"""Load: a source's raw files become token ids with labels, a word index and a data report."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.common.artifact_store import Fact
from tasks.common.records import write_json
from tasks.config.training import DataConfig
from tasks.data.review_files import review_schema, token_lists, write_parquet
from tasks.data.sources.readers import read_source
from tasks.data.sources.source_files import SourceFiles
from tasks.data.text.corpus import LabelledTokens
from tasks.data.text.disk_shuffle import tokens_in_order
from tasks.data.text.tokenization import BY_WORDS, Tokenization
from tasks.data.text.tokenizer import UNKNOWN_ID
from tasks.data.text.vocabulary import with_values
from tasks.data.validate import describe_reviews, require_valid

_ORDER_SEED = 113
"""Keras's `load_data` puts the reviews in this seed's order; sources are sorted by label."""


def load_reviews(
    source: SourceFiles,
    config: DataConfig,
    folder: Path,
    tokenization: Tokenization = BY_WORDS,
) -> dict[str, Fact]:
    """Write `train.parquet`, `test.parquet`, `vocabulary.json` and `data_report.json`.

    The token lists hold full ids: `num_words` and `maxlen` are applied by the next step. Tokens
    wait on the disk of `folder` meanwhile; memory holds some bytes for each review. The facts are
    source, form, label names, and rows and fingerprint of both sets. A BadDataError says that the
    files cannot be read, or which rules the reviews break.
    """
    loaded = read_source(source, config, tokenization, folder)
    report = describe_reviews(loaded) | {"source": source.source, "form": source.form}
    require_valid(report, config)
    write_json(folder / "data_report.json", report)
    loaded.vocabulary.write(folder / "vocabulary.json")
    provenance = {"source": source.source, "form": source.form, "raw_files": source.content_hash}
    random = np.random.RandomState(_ORDER_SEED)  # one for both sets, as in `load_data`
    for split, reviews in (("train", loaded.train), ("test", loaded.test)):
        order = np.arange(len(reviews.labels), dtype=np.int32)
        random.shuffle(order)
        batches = _batches(reviews, order, config.row_group_rows, folder)
        write_parquet(folder / f"{split}.parquet", batches, provenance, config.row_group_rows)
    return {
        "source": source.source,
        "form": source.form,
        "train_rows": len(loaded.train.labels),
        "test_rows": len(loaded.test.labels),
        "train_fingerprint": loaded.train.fingerprint,
        "test_fingerprint": loaded.test.fingerprint,
        "label_names": list(loaded.label_names),
    }


def _batches(
    reviews: LabelledTokens, order: np.ndarray, rows: int, folder: Path
) -> Iterator[pa.RecordBatch]:
    ordered = tokens_in_order(reviews.tokens, reviews.lengths, order, rows, folder)
    for tokens, chosen in with_values(ordered, order):
        yield pa.record_batch(
            [
                reviews.review_ids[chosen],
                reviews.labels[chosen],
                token_lists(tokens.ids, tokens.offsets),
                tokens.lengths().astype(np.int32),
                tokens.counts(tokens.ids == UNKNOWN_ID).astype(np.int32),
                reviews.hashes[chosen],
                reviews.units[chosen],
            ],
            schema=review_schema(),
        )
