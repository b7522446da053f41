"""Pad: cut and pad token lists to one length, and set validation reviews apart."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.common.artifact_store import Fact
from tasks.config.training import ProtocolConfig, TextConfig
from tasks.data.review_files import (
    count_reviews,
    read_column,
    read_labels,
    read_parquet,
    review_schema,
    token_lists,
    write_arrow,
)
from tasks.data.split import validation_mask
from tasks.data.text.padding import pad_tokens
from tasks.data.text.vocabulary import RaggedTokens, is_unknown, with_values


def pad_reviews(
    train: Path,
    test: Path,
    text: TextConfig,
    protocol: ProtocolConfig,
    folder: Path,
    names: Sequence[str] = (),
) -> dict[str, Fact]:
    """Write `train.arrow`, `test.arrow` and, in the honest protocol, `validation.arrow`.

    `train` and `test` are Parquet files of token lists, `names` those of the labels. The facts are
    the rows of each set.
    """
    write_arrow(folder / "test.arrow", _padded_batches(read_parquet(test), text))
    rows: dict[str, Fact] = {"test_rows": count_reviews(test)}
    validates = validation_mask(read_column(train, "unit"), read_labels(train), protocol, names)
    for name, mask in (("train", ~validates), ("validation", validates)):
        if mask.any():
            parts = with_values(read_parquet(train), mask)
            chosen = (batch.filter(pa.array(part)) for batch, part in parts)
            write_arrow(folder / f"{name}.arrow", _padded_batches(chosen, text))
            rows[f"{name}_rows"] = int(mask.sum())
    return rows


def _padded_batches(
    batches: Iterable[pa.RecordBatch], text: TextConfig
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        tokens = RaggedTokens.of(batch["tokens"])
        padded = pad_tokens(tokens, text)
        unknown = tokens.counts(is_unknown(tokens.ids, text.num_words))
        begins = np.arange(len(padded) + 1) * text.maxlen
        yield pa.record_batch(
            [
                batch["review_id"],
                batch["label"],
                token_lists(padded.reshape(-1), begins),
                batch["length"],
                unknown.astype(np.int32),
                batch["text_hash"],
                batch["unit"],
            ],
            schema=review_schema(),
        )
