"""Files of reviews: one schema, written and read in batches as Arrow or Parquet."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.common.atomic_files import whole_file
from tasks.data.tables.parquet_rows import open_parquet

SCHEMA_VERSION = 2
_ZSTD_LEVEL = 3


def review_schema() -> pa.Schema:
    """Return the schema of every file of reviews.

    Columns: `review_id` int32 (row in the source), `label` int8 (from 0 on), `tokens` list<int32>,
    `length` int32 (tokens before padding and cutting), `unknown` int32 (tokens among those that
    the vocabulary does not hold), `text_hash` uint64 (of its words), `unit` uint64 (hash of what
    is never split: its group, or its words).
    """
    fields = [
        pa.field("review_id", pa.int32(), nullable=False),
        pa.field("label", pa.int8(), nullable=False),
        pa.field("tokens", pa.list_(pa.field("element", pa.int32(), nullable=False))),
        pa.field("length", pa.int32(), nullable=False),
        pa.field("unknown", pa.int32(), nullable=False),
        pa.field("text_hash", pa.uint64(), nullable=False),
        pa.field("unit", pa.uint64(), nullable=False),
    ]
    return pa.schema(fields)


def token_lists(ids: np.ndarray, offsets: np.ndarray) -> pa.ListArray:
    """Return n lists over flat int32 `ids`; `offsets` has the shape (n + 1,)."""
    return pa.ListArray.from_arrays(
        pa.array(offsets.astype(np.int32)), pa.array(ids), type=review_schema().field("tokens").type
    )


def padded_matrix(tokens: pa.ListArray) -> np.ndarray:
    """Return lists of equal length as an int32 array of shape (n, maxlen)."""
    return np.asarray(tokens.flatten()).reshape(len(tokens), -1)


def write_parquet(
    path: Path, batches: Iterable[pa.RecordBatch], provenance: dict[str, str], row_group_rows: int
) -> int:
    """Write batches of `review_schema` as zstd Parquet and return the number of rows.

    `provenance` says where the rows come from; it is kept in the file's metadata.
    """
    metadata = {"schema_version": str(SCHEMA_VERSION)} | provenance
    rows = 0
    with (
        whole_file(path) as temporary,
        pq.ParquetWriter(
            temporary,
            review_schema().with_metadata(metadata),
            compression="zstd",
            compression_level=_ZSTD_LEVEL,
            use_dictionary=["label", "tokens.list.element"],
        ) as writer,
    ):
        for batch in rebatched(batches, row_group_rows):
            writer.write_table(pa.Table.from_batches([batch]), row_group_size=row_group_rows)
            rows += batch.num_rows
    return rows


def write_table(path: Path, table: pa.Table) -> None:
    """Write any table as zstd Parquet, whole or not at all."""
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def padded_width(path: Path) -> int:
    """Return how many tokens each review has in a Parquet file of padded ones, at least one."""
    return len(next(read_parquet(path, 1))["tokens"][0])


def count_reviews(path: Path) -> int:
    """Return the number of reviews in a Parquet file, by its metadata alone."""
    return int(pq.read_metadata(path).num_rows)


def read_labels(path: Path) -> np.ndarray:
    """Return the labels of a Parquet file of reviews, int8 of shape (n,), in the file's order."""
    return read_column(path, "label")


def read_column(path: Path, name: str) -> np.ndarray:
    """Return a column of numbers of a Parquet file of reviews, of shape (n,), in its order."""
    return np.asarray(pq.read_table(path, columns=[name])[name])


def rebatched(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of exactly `rows`, the last one may be smaller."""
    pending: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        pending.append(batch)
        count += batch.num_rows
        while count >= rows:
            table = pa.Table.from_batches(pending)
            yield table.slice(0, rows).combine_chunks().to_batches()[0]
            pending = table.slice(rows).to_batches()
            count -= rows
    if count:
        yield pa.Table.from_batches(pending).combine_chunks().to_batches()[0]


def write_arrow(path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Write batches of reviews as an Arrow file: quick to write and to read once."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        whole_file(path) as temporary,
        pa.ipc.new_file(temporary, review_schema(), options=options) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)


def read_arrow(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the batches of an Arrow file of reviews."""
    with pa.ipc.open_file(path) as reader:
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)


def read_parquet(path: Path, rows: int = 4096) -> Iterator[pa.RecordBatch]:
    """Yield the reviews of a Parquet file in batches of at most `rows`."""
    with open_parquet(path) as file:
        yield from file.iter_batches(batch_size=rows)


def read_chosen(path: Path, ids: Iterable[int]) -> Iterator[pa.RecordBatch]:
    """Yield the reviews of a Parquet file that have these ids, in the file's order."""
    wanted = pa.array(ids, pa.int32())
    for batch in read_parquet(path):  # a filter of Arrow's would read far ahead
        yield batch.filter(pc.is_in(batch["review_id"], value_set=wanted))
