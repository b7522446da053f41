"""Shuffle lists of token ids on disk, so that memory never holds those of a whole set."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from io import BufferedRandom
from pathlib import Path

import numpy as np

from tasks.data.text.vocabulary import RaggedTokens, joined_tokens, offsets_of, with_values

_ID_BYTES = 4

_PART_BYTES = 1 << 25
"""About as many bytes of ids are put in order at a time."""

_MOST_PARTS = 512
"""Files that are open at once; many systems allow a process 1,024."""


class TokensOnDisk:
    """Lists of int32 in a temporary file without a name, which cannot be left behind.

    They are read in the chunks in which they were added, any number of times, but by one reader
    at a time. Memory holds their lengths.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Open an empty file on the disk of `folder`, by default that of temporary files."""
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as this object
        self._lengths: list[np.ndarray] = []

    def add(self, chunk: RaggedTokens) -> None:
        """Write a chunk behind the others."""
        self._file.write(chunk.ids.data)
        self._lengths.append(chunk.lengths().astype(np.int32))

    def lengths(self) -> np.ndarray:
        """Return the lengths of all lists, int32 of shape (n,)."""
        return np.concatenate([np.empty(0, np.int32), *self._lengths])

    def __iter__(self) -> Iterator[RaggedTokens]:
        """Yield the chunks."""
        self._file.seek(0)
        for lengths in self._lengths:
            yield _read_lists(self._file, lengths)


def tokens_in_order(
    chunks: Iterable[RaggedTokens],
    lengths: np.ndarray,
    order: np.ndarray,
    rows: int,
    folder: Path | None = None,
) -> Iterator[RaggedTokens]:
    """Yield lists of int32 in another order, in chunks of at most `rows`.

    `lengths` has the length of each, int32 of shape (n,); `order` has their positions, from 0 to n
    - 1, in the new order. Many lists are first distributed to files, each for one part of the new
    order, and then each file is put in order by itself: memory holds one part at a time.
    """
    size = int(lengths.sum(dtype=np.int64)) * _ID_BYTES
    parts = max(1, min(_MOST_PARTS, len(order), -(-size // _PART_BYTES)))
    if parts == 1:
        yield from _taken(joined_tokens(chunks), order, rows)
        return
    part_rows = -(-len(order) // parts)
    starts = range(0, len(order), part_rows)
    with ExitStack() as opened:
        files = [opened.enter_context(tempfile.TemporaryFile(dir=folder)) for _ in starts]
        _distribute(chunks, order, part_rows, files)
        for file, start in zip(files, starts, strict=True):
            file.seek(0)
            wanted = order[start : start + part_rows]
            arrived = np.sort(wanted)
            places = np.searchsorted(arrived, wanted)
            # Without a name, so that a part is freed before the next one is read.
            yield from _taken(_read_lists(file, lengths[arrived]), places, rows)


def _distribute(
    chunks: Iterable[RaggedTokens],
    order: np.ndarray,
    part_rows: int,
    files: Sequence[BufferedRandom],
) -> None:
    """Write each list to the file of the part of the new order in which it stands."""
    part_of = np.empty(len(order), np.int16)
    for part in range(len(files)):
        part_of[order[part * part_rows : (part + 1) * part_rows]] = part
    for chunk, numbers in with_values(chunks, part_of):
        by_part = np.argsort(numbers, kind="stable")
        lists = chunk.take(by_part)
        bounds = lists.offsets[np.searchsorted(numbers[by_part], np.arange(len(files) + 1))]
        for file, begin, end in zip(files, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            file.write(lists.ids[begin:end].data)


def _read_lists(file: BufferedRandom, lengths: np.ndarray) -> RaggedTokens:
    offsets = offsets_of(lengths)
    ids = np.empty(offsets[-1], np.int32)
    file.readinto(ids.data)
    return RaggedTokens(ids, offsets)


def _taken(lists: RaggedTokens, order: np.ndarray, rows: int) -> Iterator[RaggedTokens]:
    for start in range(0, len(order), rows):
        yield lists.take(order[start : start + rows])
