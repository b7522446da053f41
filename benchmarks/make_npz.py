"""Write the official reviews in the format of Keras's `imdb.npz`, from the pipeline's own load.

Both sides of a comparison thereby train on the same reviews, with the same word ids.
"""

import tempfile
from pathlib import Path

import cyclopts
import numpy as np
import pyarrow.parquet as pq

from tasks.common.artifact_store import ArtifactStore
from tasks.config.training import DataConfig, SourceConfig
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.text.tokenizer import FIRST_WORD_ID


def read_split(parquet: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return word ranks and labels of a set in the source's order, which Keras shuffles itself.

    The start id and the words that the vocabulary does not hold have no rank and are left out.
    """
    table = pq.read_table(parquet, columns=["review_id", "label", "tokens"]).sort_by("review_id")
    # Keras's restricted reader accepts Python's own lists and integers, no NumPy scalars.
    ranks = np.empty(table.num_rows, object)
    for row, tokens in enumerate(table["tokens"]):
        known = (token - FIRST_WORD_ID + 1 for token in tokens.as_py())
        ranks[row] = [rank for rank in known if rank > 0]
    return ranks, table["label"].to_numpy().astype(np.int64)


def write_npz(loaded: Path, npz: Path) -> None:
    """Write `npz` from `train.parquet` and `test.parquet`, which the `load` step left."""
    x_train, y_train = read_split(loaded / "train.parquet")
    x_test, y_test = read_split(loaded / "test.parquet")
    np.savez_compressed(
        npz, allow_pickle=True, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test
    )


def main(*, artifacts: Path = Path("artifacts"), npz: Path) -> None:
    """Load the official reviews and write them to a new npz file.

    Args:
        artifacts: Artifacts folder; what is missing in its downloads is downloaded.
        npz: The file to write.
    """
    source = SourceConfig(source="imdb", imdb_form="packages")
    files = fetch_reviews(source, ArtifactStore(artifacts).open())
    with tempfile.TemporaryDirectory(prefix="make-npz-") as folder:
        load_reviews(files, DataConfig(), Path(folder))
        write_npz(Path(folder), npz)


if __name__ == "__main__":
    cyclopts.run(main)
