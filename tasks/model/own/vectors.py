"""Pretrained vectors of words, from the text files that GloVe, word2vec and fastText come in.

A line is a word and its numbers; word2vec and fastText have the number of words and of numbers in
a line of their own before. See https://nlp.stanford.edu/projects/glove and
https://fasttext.cc/docs/en/english-vectors.html.
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tasks.common.errors import BadDataError
from tasks.common.seeds import generator
from tasks.data.review_files import read_parquet
from tasks.data.text.tokenizer import START_ID

_GZIP = b"\x1f\x8b"
_HEADER_FIELDS = 2


class WordVectors(NamedTuple):
    """A vector for each id, float32 of shape (num_words, width), and the ids of those of the file.

    The ids have the shape (known,).
    """

    vectors: np.ndarray
    ids: np.ndarray


def read_vectors(file: Path, words: Sequence[str | None], seed: int) -> WordVectors:
    """Return the vectors of words by their ids, None being a reserved id.

    A word that the file has in capitals alone gets that vector. One that it lacks gets random
    numbers as large as those of the others, id 0 only zeros. Of the file no more is in memory than
    these vectors.

    Raises:
        BadDataError: The file cannot be read, has a line of another width, or none of the words.
    """
    ids = {word: number for number, word in enumerate(words) if word is not None}
    exact, other = dict[int, np.ndarray](), dict[int, np.ndarray]()
    for word, numbers in _lines(file, ids):
        found, place = (exact, word) if word in ids else (other, word.lower())
        found.setdefault(ids[place], numbers)
    known = other | exact
    if not known:
        raise BadDataError(
            f"--embeddings {file}: has a vector for none of the {len(ids):,} words of the reviews"
        )
    rows = np.array(list(known), np.intp)
    of_file = np.stack(list(known.values()))
    random = generator(seed, "vectors of unknown words")
    vectors = random.normal(0, float(of_file.std()), (len(words), of_file.shape[1]))
    vectors[0] = 0
    vectors[rows] = of_file
    return WordVectors(vectors.astype(np.float32), rows)


def share_of_tokens(reviews: Path, ids: np.ndarray) -> float:
    """Return for how many of the words of all reviews, of a Parquet file, these ids stand."""
    words = of_ids = 0
    for batch in read_parquet(reviews):
        tokens = batch["tokens"].flatten().to_numpy()
        words += int(np.sum(tokens != START_ID))
        of_ids += int(np.isin(tokens, ids).sum())
    return of_ids / words if words else 0.0


def _lines(file: Path, wanted: dict[str, int]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each line whose word is wanted, in lower case at least, with its numbers."""
    given, width, number = f"--embeddings {file}", 0, 0
    try:
        with file.open("rb") as opened:
            is_gzip = opened.read(len(_GZIP)) == _GZIP
        with gzip.open(file) if is_gzip else file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                fields = line.rstrip().split(b" ")
                if number == 1 and len(fields) == _HEADER_FIELDS:
                    width = int(fields[1])
                    continue
                width = width or len(fields) - 1
                word = _word(fields, width)
                if word not in wanted and word.lower() not in wanted:
                    continue
                yield word, _numbers(fields[-width:])
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        said = f"{given}: cannot be used behind line {number - 1} ({error})"
        raise BadDataError(f"{said}; get the file again") from None


def _word(fields: list[bytes], width: int) -> str:
    if len(fields) <= width and fields != [b""]:
        raise ValueError(f"a word and {width} numbers are expected")
    # A few words of GloVe hold spaces, or bytes that are no UTF-8.
    return b" ".join(fields[:-width]).decode(errors="replace")


def _numbers(fields: list[bytes]) -> np.ndarray:
    numbers = np.array(fields, np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError("finite numbers are expected")
    return numbers
