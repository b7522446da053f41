"""Pad: cut and pad token lists to one length, and set validation reviews apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.review_files import (
    count_reviews,
    read_groups,
    read_labels,
    read_parquet,
    review_schema,
    token_lists,
    write_arrow,
)
from tasks.split_validation import validation_mask
from tasks.tokenize_text import PAD_ID, UNKNOWN_ID
from tasks.word_index import RaggedTokens, is_unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    import pyarrow as pa

    from tasks.artifact_store import Fact
    from tasks.training_config import ProtocolConfig, TextConfig


def pad_reviews(
    train: Path,
    test: Path,
    text: TextConfig,
    protocol: ProtocolConfig,
    folder: Path,
    groups: Path | None = None,
) -> dict[str, Fact]:
    """Write `train.arrow`, `test.arrow` and, in the honest protocol, `validation.arrow`.

    Args:
        train: Token lists of the training set (Parquet).
        test: Token lists of the test set (Parquet).
        text: Vocabulary size, length, sides.
        protocol: Whether a validation set is split off, how large, by which seed.
        folder: Where to write.
        groups: Groups of the training reviews (Parquet), which are not split; None without.

    Returns:
        Facts: rows of each set written.
    """
    write_arrow(folder / "test.arrow", _padded_batches(read_parquet(test), text))
    labels = read_labels(train)
    rows: dict[str, Fact] = {"test_rows": count_reviews(test)}
    validates = validation_mask(labels, protocol, read_groups(groups))
    if not validates.any():
        write_arrow(folder / "train.arrow", _padded_batches(read_parquet(train), text))
        return rows | {"train_rows": len(labels)}
    for name, mask in (("train", ~validates), ("validation", validates)):
        chosen = _chosen(read_parquet(train), mask)
        write_arrow(folder / f"{name}.arrow", _padded_batches(chosen, text))
        rows[f"{name}_rows"] = int(mask.sum())
    return rows


def pad_tokens(tokens: RaggedTokens, text: TextConfig) -> np.ndarray:
    """Return padded token ids of shape (n, maxlen), int32.

    Equal to Keras's `pad_sequences` after `load_data(num_words=...)`: ids from `num_words`
    on become the unknown id 2, the rest is cut or filled with 0 on the configured sides.
    See https://keras.io/api/data_loading/timeseries/#padsequences-function. To cut in the middle,
    which Keras does not know, is the head and tail of C. Sun, X. Qiu, Y. Xu and X. Huang, "How to
    Fine-Tune BERT for Text Classification?", CCL 2019 (https://arxiv.org/abs/1905.05583).

    Args:
        tokens: Those of n reviews.
        text: Vocabulary size, length, sides.
    """
    import numpy as np

    starts, lengths = tokens.offsets[:-1, None], tokens.lengths()[:, None]
    columns = np.arange(text.maxlen)[None, :]
    kept = np.minimum(lengths, text.maxlen)
    position = columns - (text.maxlen - kept if text.padding == "pre" else 0)
    is_token = (position >= 0) & (position < kept)
    position = np.where(position < text.kept_first, position, position + lengths - kept)
    known = np.where(is_unknown(tokens.ids, text.num_words), UNKNOWN_ID, tokens.ids)
    taken = known[np.where(is_token, starts + position, 0)] if len(known) else PAD_ID
    return np.where(is_token, taken, PAD_ID).astype(np.int32)


def _padded_batches(
    batches: Iterable[pa.RecordBatch], text: TextConfig
) -> Iterator[pa.RecordBatch]:
    import numpy as np
    import pyarrow as pa

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
            ],
            schema=review_schema(),
        )


def _chosen(batches: Iterator[pa.RecordBatch], mask: np.ndarray) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    start = 0
    for batch in batches:
        yield batch.filter(pa.array(mask[start : start + batch.num_rows]))
        start += batch.num_rows
