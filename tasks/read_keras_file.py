"""Read the token ids of Keras's own file, converted to Parquet."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tasks.read_rows import read_rows
from tasks.spool_tokens import TokenSpool
from tasks.text_source import SPLITS
from tasks.tokenize_source import TokenizedSource, kept_in_train, labelled_tokens, short_hashes
from tasks.tokenize_text import FIRST_WORD_ID
from tasks.word_index import RaggedTokens, Vocabulary, sequence_hashes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np

    from tasks.text_source import Split
    from tasks.tokenize_source import LabelledTokens


def read_keras_file(
    reviews_file: Path, index_file: Path, *, deduplicate: bool, folder: Path | None = None
) -> TokenizedSource:
    """Return the tokens of both sets.

    Args:
        reviews_file: What `convert_npz` wrote.
        index_file: Keras's `imdb_word_index.json`.
        deduplicate: Whether training reviews are dropped that repeat others or test reviews.
        folder: Whose disk takes the tokens, by default that of temporary files.

    Raises:
        BadDataError: No training review would be left.
    """
    import numpy as np

    codes = {split: TokenSpool(folder) for split in SPLITS}
    hashes: dict[Split, list[np.ndarray]] = {split: [] for split in SPLITS}
    labels: dict[Split, list[np.ndarray]] = {split: [] for split in SPLITS}
    highest = 0
    for split, some, reviews in _keras_chunks(reviews_file):
        codes[split].add(reviews)
        labels[split].append(some)
        hashes[split].append(short_hashes(reviews))
        highest = max(highest, int(reviews.ids.max(initial=0)))
    found = {split: np.concatenate(hashes.pop(split)) for split in SPLITS}
    kept = kept_in_train(found) if deduplicate else None
    ids = np.arange(highest + 1, dtype=np.int32) + FIRST_WORD_ID - 1
    sets = {
        split: labelled_tokens(
            codes[split],
            ids,
            np.concatenate(labels[split]),
            found[split],
            kept if split == "train" else None,
        )
        for split in SPLITS
    }
    return TokenizedSource(
        sets["train"],
        sets["test"],
        Vocabulary.read(index_file).words,
        ("negative", "positive"),
        {split: _tokens_fingerprint(reviews) for split, reviews in sets.items()},
    )


def _keras_chunks(path: Path) -> Iterator[tuple[Split, np.ndarray, RaggedTokens]]:
    """Yield labels and word ranks of the reviews of a converted `imdb.npz`."""
    import numpy as np
    import pyarrow.compute as pc

    for batch in read_rows(path, ["split", "label", "ranks"]):
        for split in SPLITS:
            rows = batch.filter(pc.equal(batch["split"], split))
            labels = rows["label"].to_numpy().astype(np.int8)
            yield split, labels, RaggedTokens.of(rows["ranks"])


def _tokens_fingerprint(reviews: LabelledTokens) -> str:
    digest = hashlib.sha256(reviews.labels.tobytes())
    for chunk in reviews.tokens:
        for review in sequence_hashes(chunk):
            digest.update(review)
    return digest.hexdigest()
