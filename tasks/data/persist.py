"""Persist: the padded sets as typed, compressed Parquet that says where it comes from."""

from pathlib import Path

from tasks.data.review_files import read_arrow, write_parquet


def persist_parquet(
    padded: dict[str, Path], provenance: dict[str, str], row_group_rows: int, folder: Path
) -> dict[str, int]:
    """Write `<set>.parquet` for the Arrow file of each padded set, and return the rows of each.

    `provenance` says where the rows come from; it is kept in each file's metadata.
    """
    return {
        name: write_parquet(
            folder / f"{name}.parquet", read_arrow(path), provenance | {"set": name}, row_group_rows
        )
        for name, path in padded.items()
    }
