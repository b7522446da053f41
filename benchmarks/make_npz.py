"""Write the official reviews in the format of Keras's `imdb.npz`, from the pipeline's own load.

Both sides of a comparison thereby train on the same reviews, with the same word ids.
"""

import shutil
import tempfile
from pathlib import Path

import cyclopts
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.load_once import WORD_INDEX
from tasks.artifact_store import ArtifactStore
from tasks.fetch_reviews import fetch_reviews
from tasks.load_reviews import load_reviews
from tasks.tokenize_text import FIRST_WORD_OFFSET
from tasks.training_config import DataConfig, SourceConfig


def word_ranks(tokens: pa.ListArray) -> np.ndarray:
    """Return an object array of one list of word ranks per review, as Keras's file has them.

    The start id and the words that the vocabulary does not hold have no rank and are left out.
    """
    is_word = pc.greater(tokens.flatten(), FIRST_WORD_OFFSET).to_numpy(zero_copy_only=False)
    kept = np.concatenate([[0], np.cumsum(is_word)])
    starts = tokens.offsets.to_numpy()
    offsets = kept[starts - starts[0]]
    ranks = tokens.flatten().to_numpy()[is_word] - FIRST_WORD_OFFSET
    # Keras's restricted reader accepts Python's own lists and integers, no NumPy scalars.
    words = ranks.tolist()
    reviews = np.empty(len(tokens), object)
    for row in range(len(tokens)):
        reviews[row] = words[offsets[row] : offsets[row + 1]]
    return reviews


def read_split(parquet: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return word ranks and labels of a set in the source's order, which Keras shuffles itself."""
    table = pq.read_table(parquet, columns=["review_id", "label", "tokens"]).sort_by("review_id")
    labels = table["label"].to_numpy().astype(np.int64)
    return word_ranks(table["tokens"].combine_chunks()), labels


def write_npz(loaded: Path, npz: Path) -> None:
    """Write `npz` from the files of the `load` step, and the word index beside it.

    Args:
        loaded: Folder with `train.parquet`, `test.parquet` and `vocabulary.json`.
        npz: The file to write.
    """
    x_train, y_train = read_split(loaded / "train.parquet")
    x_test, y_test = read_split(loaded / "test.parquet")
    np.savez_compressed(
        npz, allow_pickle=True, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test
    )
    shutil.copyfile(loaded / "vocabulary.json", npz.with_name(WORD_INDEX))


def main(*, artifacts: Path = Path("artifacts"), npz: Path) -> None:
    """Load the official reviews and write them to a new npz file.

    Args:
        artifacts: Artifacts folder; what is missing in its downloads is downloaded.
        npz: The file to write; the word index is written beside it.
    """
    source = SourceConfig(source="imdb", imdb_form="packages")
    files = fetch_reviews(source, ArtifactStore(artifacts).open())
    with tempfile.TemporaryDirectory(prefix="make-npz-") as folder:
        load_reviews(files, DataConfig(), Path(folder))
        write_npz(Path(folder), npz)


if __name__ == "__main__":
    cyclopts.run(main)
