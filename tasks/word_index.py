"""Give each word its id: by frequency in the training texts, numbered as Keras does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tasks.number_names import number_names
from tasks.tokenize_text import FIRST_WORD_OFFSET, START_ID, UNKNOWN_ID, split_words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True)
class RaggedTokens:
    """Token ids of n reviews: flat int32 `ids`, int64 `offsets` of shape (n + 1,)."""

    ids: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        """Return the number of reviews."""
        return len(self.offsets) - 1

    def take(self, rows: np.ndarray) -> RaggedTokens:
        """Return the reviews at the positions `rows`, in that order."""
        import pyarrow as pa

        lists = pa.LargeListArray.from_arrays(pa.array(self.offsets), pa.array(self.ids))
        taken = lists.take(pa.array(rows))
        return RaggedTokens(taken.flatten().to_numpy(), taken.offsets.to_numpy())


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """Return where each of n lists begins and the last one ends, int64 of shape (n + 1,)."""
    import numpy as np

    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def joined_tokens(chunks: Iterable[RaggedTokens]) -> RaggedTokens:
    """Return the reviews of all chunks, one after another."""
    import numpy as np

    ids, lengths = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    for chunk in chunks:
        ids.append(chunk.ids)
        lengths.append(np.diff(chunk.offsets))
    return RaggedTokens(np.concatenate(ids), offsets_of(np.concatenate(lengths)))


class WordCodes:
    """The distinct words of texts, numbered from 0 on as they occur."""

    def __init__(self) -> None:
        """Know no word yet."""
        self._codes: dict[str, int] = {}

    def words(self) -> list[str]:
        """Return the words by their codes."""
        return list(self._codes)

    def coded(self, texts: pa.Array) -> RaggedTokens:
        """Return the codes of the words of `texts`, and learn those that are new."""
        words, offsets = split_words(texts)
        return RaggedTokens(number_names(words, self._codes), offsets)


def codes_by_rank(chunks: Iterable[RaggedTokens], number: int) -> np.ndarray:
    """Return the codes that occur, the most frequent first, int64 of shape (words,).

    Equal counts are ranked by first occurrence.

    Args:
        chunks: Codes of the training texts.
        number: How many codes there are, those that do not occur here included.
    """
    import numpy as np

    counts = np.zeros(number, np.int64)
    never = np.iinfo(np.int64).max
    first = np.full(number, never)
    seen = 0
    for chunk in chunks:
        counts += np.bincount(chunk.ids, minlength=number)
        # Backwards, so that of several places of a new code the first one stays.
        new = np.flatnonzero(first[chunk.ids] == never)[::-1]
        first[chunk.ids[new]] = seen + new
        seen += len(chunk.ids)
    return np.lexsort((first, -counts))[: np.count_nonzero(counts)]


def ids_by_code(ranked: np.ndarray, number: int) -> np.ndarray:
    """Return the token id of each code, int32 of shape (number,); the unknown id 2 without a rank.

    Args:
        ranked: Codes, that of the word of rank 1 first.
        number: How many codes there are.
    """
    import numpy as np

    ids = np.full(number, UNKNOWN_ID, np.int32)
    ids[ranked] = np.arange(len(ranked), dtype=np.int32) + 1 + FIRST_WORD_OFFSET
    return ids


class WordIndex:
    """An index that was learned before: reads texts as the training read its own."""

    def __init__(self, words: Sequence[str]) -> None:
        """Take the words by rank; any other word becomes the unknown id 2."""
        self._ids = {word: rank + FIRST_WORD_OFFSET for rank, word in enumerate(words, start=1)}

    def tokens(self, texts: Iterable[pa.Array]) -> RaggedTokens:
        """Return the tokens of all `texts`, each review with the start id before it."""
        return joined_tokens(map(self._tokens, texts))

    def _tokens(self, texts: pa.Array) -> RaggedTokens:
        import numpy as np

        words, offsets = split_words(texts)
        encoded = words.dictionary_encode()
        own = [self._ids.get(word, UNKNOWN_ID) for word in encoded.dictionary.to_pylist()]
        flat = np.asarray(own, np.int32)[encoded.indices.to_numpy()]
        return with_start_ids(RaggedTokens(flat, offsets))


def words_by_rank(ranks: Mapping[str, int]) -> list[str]:
    """Return the words of an index, the one of rank 1 first."""
    return sorted(ranks, key=ranks.__getitem__)


def with_start_ids(words: RaggedTokens) -> RaggedTokens:
    """Return the same reviews with the start id before each."""
    import numpy as np

    offsets = words.offsets + np.arange(len(words) + 1)
    ids = np.empty(offsets[-1], np.int32)
    is_word = np.ones(len(ids), bool)
    is_word[offsets[:-1]] = False
    ids[offsets[:-1]] = START_ID
    ids[is_word] = words.ids
    return RaggedTokens(ids, offsets)


def sequence_hashes(numbers: np.ndarray, offsets: np.ndarray) -> list[bytes]:
    """Return one hash per row of ragged integers; equal rows have equal hashes."""
    return [
        hashlib.blake2b(numbers[start:end].data, digest_size=16).digest()
        for start, end in pairwise(offsets.tolist())
    ]


def text_chunks(texts: pa.ChunkedArray, rows: int = 4096) -> Iterator[pa.Array]:
    """Yield `texts` in arrays of at most `rows`, so that scratch memory stays small."""
    for start in range(0, len(texts), rows):
        yield texts.slice(start, rows).combine_chunks()
