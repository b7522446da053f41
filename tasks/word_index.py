"""Give each word its id: by frequency in the training texts, numbered as Keras does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

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


@dataclass
class _CodedWords:
    """Words as codes into a growing list of distinct words, in order of first occurrence."""

    codes: dict[str, int]
    chunks: list[tuple[np.ndarray, np.ndarray]]

    @classmethod
    def of(cls, texts: Iterable[pa.Array], known: Iterable[str] = ()) -> _CodedWords:
        """Code the words of `texts`, those in `known` by their position there."""
        import numpy as np

        coded = cls({word: code for code, word in enumerate(known)}, [])
        for words, offsets in map(split_words, texts):
            encoded = words.dictionary_encode()
            codes = coded.codes
            own = [codes.setdefault(word, len(codes)) for word in encoded.dictionary.to_pylist()]
            flat = np.asarray(own, np.int32)[encoded.indices.to_numpy()]
            coded.chunks.append((flat, offsets))
        return coded

    def counts(self) -> np.ndarray:
        import numpy as np

        total = np.zeros(len(self.codes), np.int64)
        for codes, _ in self.chunks:
            total += np.bincount(codes, minlength=len(total))
        return total

    def tokens(self, id_of_code: np.ndarray) -> RaggedTokens:
        """Replace codes by ids and begin each review with the start id."""
        import numpy as np

        ids, lengths = [], []
        for codes, offsets in self.chunks:
            ids.append(with_start_ids(id_of_code[codes], offsets))
            lengths.append(np.diff(offsets) + 1)
        offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
        return RaggedTokens(np.concatenate(ids), offsets)

    def hashes(self) -> list[bytes]:
        """Return one hash per review over its codes."""
        return [
            digest for codes, offsets in self.chunks for digest in sequence_hashes(codes, offsets)
        ]


@dataclass(frozen=True)
class IndexedWords:
    """Tokens of both sets, the words by rank, and a hash of each review's exact words."""

    train: RaggedTokens
    test: RaggedTokens
    words: list[str]
    train_hashes: list[bytes]
    test_hashes: list[bytes]


def index_words(train_texts: Iterable[pa.Array], test_texts: Iterable[pa.Array]) -> IndexedWords:
    """Return the tokens of both sets and the words by rank, learned on the training texts only.

    Equal counts are ranked by first occurrence. A test word that no training text holds
    becomes the unknown id 2. The vocabulary is not cut here: `num_words` is applied later.
    """
    import numpy as np

    train = _CodedWords.of(train_texts)
    test = _CodedWords.of(test_texts, known=train.codes)
    words = list(train.codes)
    order = np.argsort(-train.counts(), kind="stable")
    id_of_code = np.full(len(test.codes), UNKNOWN_ID, np.int32)
    id_of_code[order] = np.arange(len(words), dtype=np.int32) + 1 + FIRST_WORD_OFFSET
    return IndexedWords(
        train=train.tokens(id_of_code),
        test=test.tokens(id_of_code),
        words=[words[code] for code in order.tolist()],
        train_hashes=train.hashes(),
        test_hashes=test.hashes(),
    )


class WordIndex:
    """An index that was learned before: reads texts as the training read its own."""

    def __init__(self, words: Sequence[str]) -> None:
        """Take the words by rank; any other word becomes the unknown id 2."""
        self._ids = {word: rank + FIRST_WORD_OFFSET for rank, word in enumerate(words, start=1)}

    def tokens(self, texts: Iterable[pa.Array]) -> RaggedTokens:
        """Return the tokens of all `texts`, each review with the start id before it."""
        import numpy as np

        ids, lengths = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
        for words, offsets in map(split_words, texts):
            encoded = words.dictionary_encode()
            own = [self._ids.get(word, UNKNOWN_ID) for word in encoded.dictionary.to_pylist()]
            flat = np.asarray(own, np.int32)[encoded.indices.to_numpy()]
            ids.append(with_start_ids(flat, offsets))
            lengths.append(np.diff(offsets) + 1)
        offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
        return RaggedTokens(np.concatenate(ids), offsets)


def words_by_rank(ranks: Mapping[str, int]) -> list[str]:
    """Return the words of an index, the one of rank 1 first."""
    return sorted(ranks, key=ranks.__getitem__)


def with_start_ids(ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return flat int32 ids with the start id before each review; `offsets` are those of `ids`."""
    import numpy as np

    starts = offsets[:-1] + np.arange(len(offsets) - 1)
    started = np.empty(len(ids) + len(starts), np.int32)
    is_word = np.ones(len(started), bool)
    is_word[starts] = False
    started[starts] = START_ID
    started[is_word] = ids
    return started


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
