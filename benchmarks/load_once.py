"""Load and pad the official reviews once, in a process of its own, and write the time as JSON.

The clock starts after the imports, so that only the work itself is compared: importing Keras
takes seconds, which a training needs anyway.
"""

import hashlib
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import cyclopts
import numpy as np

from tasks.artifact_store import ArtifactStore
from tasks.atomic_files import file_sha256
from tasks.convert_npz import convert_npz
from tasks.fetch_reviews import fetch_reviews
from tasks.load_reviews import load_reviews
from tasks.pad_reviews import pad_reviews
from tasks.source_files import SourceFiles
from tasks.training_config import DataConfig, ProtocolConfig, SourceConfig, TextConfig

Side = Literal["keras", "packages", "converted", "convert"]
Result = dict[str, Any]

CONVERTED = "imdb.parquet"
WORD_INDEX = "imdb_word_index.json"
_IMPORTED_FIRST = ("pyarrow.compute", "pyarrow.csv", "pyarrow.parquet", "pyarrow.ipc", "pandas")
"""What the steps import when they run; pyarrow and Keras both import pandas by themselves."""
_MAXLEN = TextConfig().maxlen


def _import_first() -> None:
    for name in _IMPORTED_FIRST:
        importlib.import_module(name)


def tokens_sha256(tokens: np.ndarray) -> str:
    """Return a hash of padded reviews of shape (n, maxlen), whatever their order."""
    rows = sorted(row.tobytes() for row in np.ascontiguousarray(tokens, np.int32))
    return hashlib.sha256(b"".join(rows)).hexdigest()


def load_with_keras(npz: Path) -> Result:
    """Time `load_data` and `pad_sequences`; the arrays are in memory at the end."""
    import keras
    from keras.src.datasets import imdb as keras_imdb

    keras_imdb.get_file = lambda **_: str(npz)
    started = time.perf_counter()
    (x_train, _), (x_test, _) = keras.datasets.imdb.load_data(num_words=TextConfig().num_words)
    loaded = time.perf_counter()
    x_train = keras.utils.pad_sequences(x_train, maxlen=_MAXLEN)
    x_test = keras.utils.pad_sequences(x_test, maxlen=_MAXLEN)
    padded = time.perf_counter()
    return _result(started, loaded, padded) | {
        "train": tokens_sha256(x_train),
        "test": tokens_sha256(x_test),
    }


def load_with_pipeline(files: SourceFiles, folder: Path) -> Result:
    """Time the functions of the steps `load` and `pad`; the files are on the disk at the end.

    `load` reads, tokenizes, indexes, checks, describes and writes; `pad` reads and writes.
    """
    from tasks.review_files import padded_matrix, read_arrow

    _import_first()
    raw, cut = folder / "loaded", folder / "padded"
    raw.mkdir()
    cut.mkdir()
    protocol = ProtocolConfig(protocol="tutorial")
    started = time.perf_counter()
    load_reviews(files, DataConfig(), raw)
    loaded = time.perf_counter()
    pad_reviews(raw / "train.parquet", raw / "test.parquet", TextConfig(), protocol, cut)
    padded = time.perf_counter()
    hashes = {
        name: tokens_sha256(
            np.concatenate([padded_matrix(b["tokens"]) for b in read_arrow(cut / f"{name}.arrow")])
        )
        for name in ("train", "test")
    }
    return _result(started, loaded, padded) | hashes


def _result(started: float, loaded: float, padded: float) -> Result:
    return {
        "seconds": padded - started,
        "load_seconds": loaded - started,
        "pad_seconds": padded - loaded,
    }


def package_files(artifacts: Path) -> SourceFiles:
    """Return the raw texts of the official split; downloaded where they are missing."""
    source = SourceConfig(source="imdb", imdb_form="packages")
    return fetch_reviews(source, ArtifactStore(artifacts).open())


def converted_files(npz: Path) -> SourceFiles:
    """Return the Parquet copy and the word index that lie beside `npz`."""
    paths = {"reviews": npz.with_name(CONVERTED), "word_index": npz.with_name(WORD_INDEX)}
    return SourceFiles(
        source="imdb",
        form="keras",
        paths=paths,
        sha256={name: file_sha256(path) for name, path in paths.items()},
        reason="a benchmark",
    )


def convert_once(npz: Path) -> Result:
    """Time the conversion of `npz` to Parquet, which the pipeline does once per file."""
    _import_first()
    sha256 = file_sha256(npz)
    started = time.perf_counter()
    convert_npz(npz, sha256, npz.with_name(CONVERTED))
    return {"seconds": time.perf_counter() - started}


def main(side: Side, *, artifacts: Path, npz: Path, folder: Path) -> None:
    """Run one side and write its seconds, and the hashes of what it made, to the output.

    Args:
        side: keras: load_data and pad_sequences. packages: the pipeline from raw texts.
            converted: the pipeline from the converted npz. convert: only that conversion.
        artifacts: Artifacts folder whose downloads hold the raw texts.
        npz: Reviews in the format of Keras's imdb.npz.
        folder: An empty folder to write to.
    """
    sides: dict[Side, Callable[[], Result]] = {
        "keras": lambda: load_with_keras(npz),
        "packages": lambda: load_with_pipeline(package_files(artifacts), folder),
        "converted": lambda: load_with_pipeline(converted_files(npz), folder),
        "convert": lambda: convert_once(npz),
    }
    sys.stdout.write(json.dumps(sides[side]()) + "\n")


if __name__ == "__main__":
    cyclopts.run(main)
