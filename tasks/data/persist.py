"""Persist: the padded sets as typed, compressed Parquet that says where it comes from."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.data.review_files import read_arrow, write_parquet, write_table


def persist_parquet(
    padded: dict[str, Path], provenance: dict[str, str], row_group_rows: int, folder: Path
) -> dict[str, int]:
    """Write `<set>.parquet` for the Arrow file of each padded set, and return the rows of each.

    `provenance` says where the rows come from; it is kept in each file's metadata. `parts.parquet`
    names the part, the row in the source and the hash of the words of each review.
    """
    rows = {
        name: write_parquet(
            folder / f"{name}.parquet", read_arrow(path), provenance | {"set": name}, row_group_rows
        )
        for name, path in padded.items()
    }
    parts = []
    for name in rows:
        part = pq.read_table(folder / f"{name}.parquet", columns=["review_id", "text_hash"])
        parts.append(part.add_column(0, "part", pa.array([name] * len(part)).dictionary_encode()))
    write_table(folder / "parts.parquet", pa.concat_tables(parts).replace_schema_metadata(None))
    return rows
