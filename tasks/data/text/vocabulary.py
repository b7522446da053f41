"""Words and their ids: by frequency in the training texts, numbered as Keras does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.common.atomic_files import write_text
from tasks.config.training import TokenizerName
from tasks.data.text.subwords import NO_CHARACTER, WORD_START, Merge, SubwordEncoder
from tasks.data.text.tokenizer import (
    FIRST_WORD_ID,
    SPLIT,
    START_ID,
    UNKNOWN_ID,
    normalized,
)

T = TypeVar("T", bound=Sized)


class Vocabulary:
    """The tokens that were learned, by rank: `words[0]` has the rank 1.

    They are words, characters or subwords; subwords have also the pairs that were joined to them.
    """

    def __init__(
        self,
        words: Sequence[str],
        tokenizer: TokenizerName = "words",
        merges: Sequence[Merge] = (),
    ) -> None:
        """Take the tokens; any other one is unknown."""
        self.words, self.tokenizer, self.merges = list(words), tokenizer, merges

    @classmethod
    def read(cls, file: Path) -> Vocabulary:
        """Return what `write`, or Keras for its own index, wrote."""
        content: dict[str, Any] = json.loads(file.read_bytes())
        ranks, more = content, {}
        if isinstance(content.get("ranks"), dict):
            ranks, more = content.pop("ranks"), content
        return cls(sorted(ranks, key=ranks.__getitem__), **more)

    def write(self, file: Path) -> None:
        """Write the rank of each word, a word a line, the most frequent first (JSON).

        So does Keras. The ranks of other tokens are below `ranks`, beside what else is known.
        """
        # A dictionary of millions of words would take seconds more.
        quoted = map(json.encoder.encode_basestring, self.words)
        lines = ",\n".join(f"{word}: {rank}" for rank, word in enumerate(quoted, start=1))
        ranks = f"{{\n{lines}\n}}"
        if self.tokenizer != "words":
            merges = json.dumps(self.merges, ensure_ascii=False)
            kind = f'"tokenizer": "{self.tokenizer}",\n"merges": {merges}'
            ranks = f'{{\n{kind},\n"ranks": {ranks}\n}}'
        write_text(file, f"{ranks}\n")

    def known(self, num_words: int) -> list[str]:
        """Return the words that a network with `num_words` ids, reserved ones included, knows."""
        return self.words[: num_words - FIRST_WORD_ID]

    def word(self, token: int) -> str | None:
        """Return the word of an id, None where no training text holds it."""
        place = token - FIRST_WORD_ID
        return self.words[place] if 0 <= place < len(self.words) else None

    def joined(self, words: Iterable[str]) -> str:
        """Return the text of tokens that follow each other."""
        if self.tokenizer == "words":
            return " ".join(words)
        text = "".join(words)
        return text.replace(WORD_START, " ") if self.tokenizer == "subwords" else text

    def read_by(self, other: Vocabulary, tokens: RaggedTokens) -> RaggedTokens:
        """Return texts of this vocabulary's subwords as those of another one, without start ids.

        Characters that this vocabulary does not know are unknown to the other one as well.
        """
        pieces = [*[NO_CHARACTER] * FIRST_WORD_ID, *self.words]
        named = [pieces[token] for token in tokens.ids.tolist()]
        texts = [self.joined(named[start:end]) for start, end in pairwise(tokens.offsets.tolist())]
        return other.subwords([text.removeprefix(" ") for text in texts])

    def tokens(self, texts: Iterable[pa.Array]) -> RaggedTokens:
        """Return the ids of all `texts` as the training read its own, each behind a start id."""
        return joined_tokens(map(self._tokens, texts))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: token for token, word in enumerate(self.words, start=FIRST_WORD_ID)}

    @cached_property
    def _subwords(self) -> SubwordEncoder:
        return SubwordEncoder(self._ids, self.merges, UNKNOWN_ID)

    def ids(self, words: Sequence[str]) -> np.ndarray:
        """Return the id of each of n words, int32 of shape (n,)."""
        return np.asarray([self._ids.get(word, UNKNOWN_ID) for word in words], np.int32)

    def subwords(self, texts: Sequence[str]) -> RaggedTokens:
        """Return the ids of the pieces of normalized texts, without start ids."""
        lists = pc.split_pattern(pa.array(texts, pa.large_string()), " ")
        words = lists.flatten().dictionary_encode()
        # Each distinct word once: a text of letters repeats most of its words.
        ids, lengths = self._subwords(words.dictionary.to_pylist())
        pieces = RaggedTokens(ids, offsets_of(lengths)).take(words.indices.to_numpy())
        return RaggedTokens(pieces.ids, pieces.offsets[lists.offsets.to_numpy()])

    def _tokens(self, texts: pa.Array) -> RaggedTokens:
        if self.tokenizer == "subwords":
            return self.subwords(normalized(texts).to_pylist()).with_start_ids()
        words, offsets = SPLIT[self.tokenizer](texts)
        encoded = words.dictionary_encode()
        flat = self.ids(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]
        return RaggedTokens(flat, offsets).with_start_ids()


def is_unknown(ids: np.ndarray, num_words: int) -> np.ndarray:
    """Return which ids are those of words that a network with `num_words` ids does not know."""
    return np.asarray((ids >= num_words) | (ids == UNKNOWN_ID))


@dataclass(frozen=True)
class RaggedTokens:
    """Token ids of n reviews: flat int32 `ids`, int64 `offsets` of shape (n + 1,)."""

    ids: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, lists: pa.ListArray) -> RaggedTokens:
        """Return the lists of an Arrow column, which may be a part of a longer one."""
        offsets = lists.offsets.to_numpy().astype(np.int64)
        return cls(lists.flatten().to_numpy(), offsets - offsets[0])

    def __len__(self) -> int:
        """Return the number of reviews."""
        return len(self.offsets) - 1

    def lengths(self) -> np.ndarray:
        """Return the number of tokens of each review, int64 of shape (n,)."""
        return np.diff(self.offsets)

    def counts(self, chosen: np.ndarray) -> np.ndarray:
        """Return how many of each review's tokens are `chosen`, a mask of all ids; shape (n,)."""
        return np.diff(self._places(chosen))

    def where(self, chosen: np.ndarray) -> RaggedTokens:
        """Return the reviews with only those tokens that are `chosen`, a mask of all ids."""
        return RaggedTokens(self.ids[chosen], self._places(chosen))

    def _places(self, chosen: np.ndarray) -> np.ndarray:
        """Return where each review begins among the chosen tokens, shape (n + 1,)."""
        # Of many millions of tokens that is half of int64.
        before = offsets_of(chosen, np.min_scalar_type(len(chosen)))
        return np.asarray(before[self.offsets], np.int64)

    def take(self, rows: np.ndarray) -> RaggedTokens:
        """Return the reviews at the positions `rows`, in that order."""
        lists = pa.LargeListArray.from_arrays(pa.array(self.offsets), pa.array(self.ids))
        taken = lists.take(pa.array(rows))
        return RaggedTokens(taken.flatten().to_numpy(), taken.offsets.to_numpy())

    def with_start_ids(self) -> RaggedTokens:
        """Return the same reviews with the start id before each."""
        offsets = self.offsets + np.arange(len(self) + 1)
        ids = np.empty(offsets[-1], np.int32)
        is_word = np.ones(len(ids), bool)
        is_word[offsets[:-1]] = False
        ids[offsets[:-1]] = START_ID
        ids[is_word] = self.ids
        return RaggedTokens(ids, offsets)


def offsets_of(lengths: np.ndarray, kind: np.dtype[Any] | type = np.int64) -> np.ndarray:
    """Return where each of n lists begins and the last one ends, of shape (n + 1,)."""
    offsets = np.zeros(len(lengths) + 1, kind)
    np.cumsum(lengths, dtype=kind, out=offsets[1:])
    return offsets


def joined_tokens(chunks: Iterable[RaggedTokens]) -> RaggedTokens:
    """Return the reviews of all chunks, one after another."""
    ids, lengths = [np.empty(0, np.int32)], [np.empty(0, np.int64)]
    for chunk in chunks:
        ids.append(chunk.ids)
        lengths.append(chunk.lengths())
    return RaggedTokens(np.concatenate(ids), offsets_of(np.concatenate(lengths)))


def codes_by_rank(chunks: Iterable[RaggedTokens], number: int) -> np.ndarray:
    """Return the codes that occur, the most frequent first, int64 of shape (words,).

    Equal counts are ranked by first occurrence. `number` counts all codes, those that do not occur
    here included.
    """
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


def sequence_hashes(reviews: RaggedTokens) -> list[bytes]:
    """Return one hash per review; equal ones have equal hashes."""
    ids = reviews.ids.data
    return [
        hashlib.blake2b(ids[start:end], digest_size=16).digest()
        for start, end in pairwise(reviews.offsets.tolist())
    ]


def text_hashes(words: pa.Array, offsets: np.ndarray) -> np.ndarray:
    """Return a hash of the words of each of n texts, uint64 of shape (n,).

    The words of text i are `words[offsets[i]:offsets[i + 1]]`. Two of a billion texts have the same
    64 bits by chance in one of forty cases.
    """
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), words)
    joined = pc.binary_join(lists, pa.scalar(" ", words.type)).cast(pa.large_string())
    _, places, content = joined.buffers()
    ends, content = np.frombuffer(places, np.int64), memoryview(content or b"")
    return hashes_of(content[start:end] for start, end in pairwise(ends[: len(offsets)].tolist()))


def hashes_of(contents: Iterable[bytes | memoryview]) -> np.ndarray:
    """Return 64 bits of a hash of each of n contents, uint64 of shape (n,)."""
    digests = [hashlib.blake2b(content, digest_size=8).digest() for content in contents]
    return np.frombuffer(b"".join(digests), "<u8")


def number_names(column: pa.Array, numbers: dict[str, int]) -> np.ndarray:
    """Return the number of each row's name, int32 of shape (n,), and learn the names that are new.

    No name is null. `numbers` are those known so far, from 0 on in the order in which they
    occurred.
    """
    encoded = column.dictionary_encode()
    own = [numbers.setdefault(name, len(numbers)) for name in encoded.dictionary.to_pylist()]
    return np.asarray(np.asarray(own, np.int32)[encoded.indices.to_numpy()])


def with_values(chunks: Iterable[T], values: np.ndarray) -> Iterator[tuple[T, np.ndarray]]:
    """Yield each chunk with the values of its rows, of those of all chunks in `values`."""
    start = 0
    for chunk in chunks:
        yield chunk, values[start : start + len(chunk)]
        start += len(chunk)
