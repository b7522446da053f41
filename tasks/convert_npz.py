"""Convert Keras's pickled `imdb.npz` to Parquet once, after its hash is checked."""

import hashlib
import io
from pathlib import Path

from tasks.atomic_files import whole_file
from tasks.errors import BadDataError


def convert_npz(npz: Path, sha256: str, target: Path) -> None:
    """Write the reviews of `npz` to the Parquet file `target`.

    Columns: `split` (train or test), `label` (0 or 1), `ranks` (list of int32, the
    words' ranks from 1 on, without start id or offset).

    Raises:
        BadDataError: The file's SHA-256 is not `sha256`; nothing was unpickled.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

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
