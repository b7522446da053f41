"""Persist: the padded sets as typed, compressed Parquet that says where it comes from."""

from pathlib import Path

from tasks.data.review_files import read_arrow, write_parquet


def persist_parquet(
    padded: dict[str, Path], provenance: dict[str, str], row_group_rows: int, folder: Path
) -> dict[str, int]:
    """Write one Parquet file per set and return the rows of each.

    Args:
        padded: Arrow file of each set, by the set's name.
        provenance: Where the rows come from; kept in each file's metadata.
        row_group_rows: Rows per row group, the unit in which training streams.
        folder: Where to write `<set>.parquet`.
    """
    return {
        name: write_parquet(
            folder / f"{name}.parquet",
            read_arrow(path),
            provenance | {"set": name},
            row_group_rows,
        )
        for name, path in padded.items()
    }
