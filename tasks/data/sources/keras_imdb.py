"""Convert Keras's pickled `imdb.npz` to Parquet once, after its hash is checked."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.common.atomic_files import whole_file
from tasks.common.errors import BadDataError
from tasks.data.tables.parquet_rows import open_parquet
from tasks.data.text.corpus import SPLITS, CodedSource, Split, TextCoding
from tasks.data.text.vocabulary import RaggedTokens, Vocabulary

_ROWS = 4096


def convert_npz(npz: Path, sha256: str, target: Path) -> None:
    """Write the reviews of `npz` to the Parquet file `target`.

    Columns: `split` (train or test), `label` (0 or 1), `ranks` (list of int32, the words' ranks
    from 1 on, without start id or offset). Where the file's SHA-256 is not `sha256`, nothing is
    unpickled and a BadDataError raised.
    """
    content = npz.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BadDataError(
            f"{npz} does not have the pinned SHA-256 {sha256[:12]}… and was not opened; delete it"
            " to have it downloaded again, or use --imdb-form packages"
        )
    # The hash was taken from these very bytes, so what is unpickled is what was pinned.
    with np.load(io.BytesIO(content), allow_pickle=True) as arrays:
        tables = [
            pa.table(
                {
                    "split": [split] * len(arrays[f"y_{split}"]),
                    "label": pa.array(arrays[f"y_{split}"], pa.int8()),
                    "ranks": pa.array(list(arrays[f"x_{split}"]), pa.list_(pa.int32())),
                }
            )
            for split in ("train", "test")
        ]
    with whole_file(target) as temporary:
        pq.write_table(pa.concat_tables(tables), temporary)


def read_keras_file(reviews_file: Path, index_file: Path, coding: TextCoding) -> CodedSource:
    """Return what `convert_npz` wrote; the codes are the ranks of Keras's own index.

    Where the tokens are not words, the words with spaces between them are the texts. A BadDataError
    says that the index lacks a word.
    """
    words = ["", *Vocabulary.read(index_file).words]
    names = pa.array(words, pa.large_string())
    is_ranked, code_of = coding.tokenizer == "words", dict[str, int]()
    coded = {split: coding.begin(code_of) for split in SPLITS}
    labels: dict[Split, list[np.ndarray]] = {split: [] for split in SPLITS}
    for split, some, reviews in _keras_chunks(reviews_file):
        if (highest := int(reviews.ids.max(initial=0))) >= len(words):
            raise BadDataError(f"{index_file} has no word of the rank {highest}: delete both files")
        found = names.take(pa.array(reviews.ids))
        if is_ranked:
            coded[split].add_words(found, reviews)
        else:
            lists = pa.LargeListArray.from_arrays(pa.array(reviews.offsets), found)
            coded[split].add(pc.binary_join(lists, pa.scalar(" ", found.type)))
        labels[split].append(some)
    return CodedSource(
        {split: coded[split].reviews(np.concatenate(labels[split])) for split in SPLITS},
        words if is_ranked else list(code_of),
        ("negative", "positive"),
        is_ranked=is_ranked,
    )


def _keras_chunks(path: Path) -> Iterator[tuple[Split, np.ndarray, RaggedTokens]]:
    """Yield labels and word ranks of the reviews of a converted `imdb.npz`."""
    with open_parquet(path) as file:
        for batch in file.iter_batches(_ROWS, columns=["split", "label", "ranks"]):
            for split in SPLITS:
                rows = batch.filter(pc.equal(batch["split"], split))
                labels = rows["label"].to_numpy().astype(np.int8)
                yield split, labels, RaggedTokens.of(rows["ranks"])
