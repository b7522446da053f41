"""The reviews of a source: what is known of each, and its words, which lie on the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from tasks.common.errors import BadDataError
from tasks.config.training import TokenizerName
from tasks.data.text.disk_shuffle import TokensOnDisk
from tasks.data.text.subwords import learn_subwords
from tasks.data.text.tokenization import BY_WORDS, Tokenization
from tasks.data.text.tokenizer import FIRST_WORD_ID, SPLIT, UNKNOWN_ID, split_words
from tasks.data.text.vocabulary import (
    RaggedTokens,
    Vocabulary,
    codes_by_rank,
    number_names,
    text_hashes,
    with_values,
)

Split = Literal["train", "test"]

SPLITS: tuple[Split, Split] = ("train", "test")

_SHOWN_ROWS = 20

_MOST_LEARNED = 1 << 28
"""Characters that subwords are learned from; more change the pieces hardly."""

_CHUNK_BYTES = 1 << 23
"""Texts whose words are numbered together: many, since each chunk looks up its distinct words."""


@dataclass
class LeftOut:
    """Rows of a file that are left out: how many, and the numbers of the first ones."""

    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, mask: pa.BooleanArray, first_row: int) -> None:
        """Add the rows that the mask marks, whose first one has that number."""
        places = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
        self.count += len(places)
        self.rows += (places[: _SHOWN_ROWS - len(self.rows)] + first_row).tolist()

    def __str__(self) -> str:
        """Return both for people."""
        more = ", …" if self.count > len(self.rows) else ""
        return f"{self.count:,} rows ({', '.join(map(str, self.rows))}{more})"


@dataclass(frozen=True)
class LabelledTokens:
    """n reviews in the order of their source; their `tokens` can be read again and again.

    Of shape (n,) are `lengths`, int32, the tokens of each review; `labels`, int8, from 0 on;
    `review_ids`, int32, its row in the source; `hashes`, uint64, that of its words; `units`,
    uint64, that of what is never split: its group, or where there are no groups its words.
    """

    tokens: Iterable[RaggedTokens]
    lengths: np.ndarray
    labels: np.ndarray
    review_ids: np.ndarray
    hashes: np.ndarray
    units: np.ndarray

    def where(self, mask: np.ndarray) -> LabelledTokens:
        """Return the reviews that a mask of shape (n,) marks."""
        columns = (self.lengths, self.labels, self.review_ids, self.hashes, self.units)
        return LabelledTokens(_Chosen(self.tokens, mask), *(column[mask] for column in columns))

    def numbered(self, id_of_code: np.ndarray) -> LabelledTokens:
        """Return the reviews with token ids, int32 of shape (codes,), and start ids."""
        return replace(self, tokens=_Numbered(self.tokens, id_of_code), lengths=self.lengths + 1)

    @property
    def fingerprint(self) -> str:
        """A hash of all words and labels, in their order."""
        return hashlib.sha256(self.hashes.tobytes() + self.labels.tobytes()).hexdigest()


@dataclass(frozen=True)
class _Chosen:
    tokens: Iterable[RaggedTokens]
    mask: np.ndarray

    def __iter__(self) -> Iterator[RaggedTokens]:
        for chunk, part in with_values(self.tokens, self.mask):
            yield chunk.take(np.flatnonzero(part))


@dataclass(frozen=True)
class _Numbered:
    codes: Iterable[RaggedTokens]
    id_of_code: np.ndarray

    def __iter__(self) -> Iterator[RaggedTokens]:
        for chunk in self.codes:
            yield RaggedTokens(self.id_of_code[chunk.ids], chunk.offsets).with_start_ids()


class CodedTexts:
    """Texts while they are read: codes of their words on the disk, and a hash of each text."""

    def __init__(
        self, code_of: dict[str, int], folder: Path | None, tokenizer: TokenizerName = "words"
    ) -> None:
        """Begin without texts.

        `code_of` numbers the words of all files of a source, or the characters where the tokens are
        not words; those that are new are added. Codes go to the disk of `folder`, by default that
        of temporary files.
        """
        self._code_of, self._tokenizer = code_of, tokenizer
        self._codes = TokensOnDisk(folder)
        self._hashes = [np.empty(0, np.uint64)]
        self._waiting: list[pa.Array] = []

    def add(self, texts: pa.Array) -> None:
        """Take the next texts."""
        self._waiting.append(texts)
        if sum(some.nbytes for some in self._waiting) >= _CHUNK_BYTES:
            self._number()

    def add_words(self, words: pa.Array, codes: RaggedTokens) -> None:
        """Take the next texts as words, one text after another, with their codes."""
        self._codes.add(codes)
        self._hashes.append(text_hashes(words, codes.offsets))

    def _number(self) -> None:
        texts = pa.concat_arrays(self._waiting)
        self._waiting = []
        tokens, starts = SPLIT[self._tokenizer](texts)
        self._codes.add(RaggedTokens(number_names(tokens, self._code_of), starts))
        # By the words whatever the tokens are: so a test review stays one, and can be found again.
        words, offsets = (tokens, starts) if self._tokenizer == "words" else split_words(texts)
        self._hashes.append(text_hashes(words, offsets))

    def reviews(
        self,
        labels: np.ndarray,
        review_ids: np.ndarray | None = None,
        groups: np.ndarray | None = None,
    ) -> LabelledTokens:
        """Return the n texts with their labels, int8, and codes as tokens; none is added any more.

        `review_ids` are those of `LabelledTokens`, by default from 0 on; `groups` has a hash of
        each one's group, uint64. All have the shape (n,).
        """
        if self._waiting:
            self._number()
        hashes = np.concatenate(self._hashes)
        return LabelledTokens(
            tokens=self._codes,
            lengths=self._codes.lengths(),
            labels=labels,
            review_ids=np.arange(len(labels), dtype=np.int32) if review_ids is None else review_ids,
            hashes=hashes,
            units=hashes if groups is None else groups,
        )


@dataclass(frozen=True)
class TextCoding:
    """How texts become codes while they are read, and on the disk of which folder they wait."""

    folder: Path | None = None
    tokenizer: TokenizerName = "words"

    def begin(self, code_of: dict[str, int]) -> CodedTexts:
        """Return a set without texts."""
        return CodedTexts(code_of, self.folder, self.tokenizer)


INTO_WORDS = TextCoding()


@dataclass(frozen=True)
class CodedSource:
    """One or both sets of a source, and the word or character of each code, which is the token.

    With `is_ranked` the code of a word is its rank, from 1 on. `label_names` are what the labels,
    from 0 on, mean. `later` are the numbers of all training rows that are not there yet.
    """

    sets: dict[Split, LabelledTokens]
    words: Sequence[str]
    label_names: tuple[str, ...]
    left_out: dict[Split, dict[str, LeftOut]] = field(default_factory=dict)
    is_ranked: bool = False
    later: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))


@dataclass(frozen=True)
class TokenizedSource:
    """Both sets of a source, the vocabulary, and what the labels, from 0 on, mean."""

    train: LabelledTokens
    test: LabelledTokens
    vocabulary: Vocabulary
    label_names: tuple[str, ...]
    left_out: dict[Split, dict[str, LeftOut]] = field(default_factory=dict)


def tokenize_source(
    source: CodedSource,
    tokenization: Tokenization = BY_WORDS,
    folder: Path | None = None,
) -> TokenizedSource:
    """Return the tokens of both sets and the vocabulary, learned on the training texts only.

    Equal counts are ranked by first occurrence. A test word that no training text holds becomes the
    unknown id 2. The vocabulary is not cut here: `num_words` is applied later. Subwords go to the
    disk of `folder`, by default that of temporary files.
    """
    train, test = (source.sets[split] for split in SPLITS)
    ranked = np.arange(1, len(source.words))
    if not source.is_ranked:
        ranked = codes_by_rank(train.tokens, len(source.words))
    words = [source.words[code] for code in ranked.tolist()]
    if tokenization.pieces is None:
        vocabulary = Vocabulary(words, tokenization.tokenizer)
        ids = np.full(len(source.words), UNKNOWN_ID, np.int32)
        ids[ranked] = np.arange(len(ranked)) + FIRST_WORD_ID
        train, test = train.numbered(ids), test.numbered(ids)
    else:
        learned = learn_subwords(_texts_to_learn(train, source.words), words, tokenization.pieces)
        vocabulary = Vocabulary(learned[0], "subwords", learned[1])
        both = (train, test)
        train, test = (by_vocabulary(vocabulary, one, source.words, folder) for one in both)
    return TokenizedSource(train, test, vocabulary, source.label_names, source.left_out)


def by_vocabulary(
    vocabulary: Vocabulary,
    reviews: LabelledTokens,
    words: Sequence[str],
    folder: Path | None = None,
) -> LabelledTokens:
    """Return reviews with the ids of a vocabulary; `words` are those of their codes.

    The codes are those of words where the vocabulary's tokens are words, else of characters.
    """
    if vocabulary.tokenizer != "subwords":
        return reviews.numbered(vocabulary.ids(words))
    tokens = TokensOnDisk(folder)
    for texts in _texts(reviews.tokens, words):
        tokens.add(vocabulary.subwords(texts).with_start_ids())
    return replace(reviews, tokens=tokens, lengths=tokens.lengths())


def _texts(chunks: Iterable[RaggedTokens], characters: Sequence[str]) -> Iterator[list[str]]:
    """Yield the texts of each chunk of codes of characters."""
    points = np.array([ord(one) for one in characters], np.uint32)
    for chunk in chunks:
        whole = points[chunk.ids].tobytes().decode("utf-32-le")
        yield [whole[start:end] for start, end in pairwise(chunk.offsets.tolist())]


def _texts_to_learn(train: LabelledTokens, characters: Sequence[str]) -> Iterator[list[str]]:
    """Yield texts of bounded size in all, chosen by their hashes, so that memory is bounded too."""
    parts = -(-int(train.lengths.sum(dtype=np.int64)) // _MOST_LEARNED)
    return _texts(train.where(train.hashes % np.uint64(max(1, parts)) == 0).tokens, characters)


def without_repeated(train: LabelledTokens, test: LabelledTokens) -> LabelledTokens:
    """Return the training reviews that repeat no other one and no test review.

    A BadDataError says that none is left.
    """
    kept = ~repeated_in_train(train.hashes, test.hashes)
    if not kept.any():
        raise BadDataError("deduplicate drops every training review: all are test reviews too")
    return train.where(kept)


def repeated_in_train(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return which hashes of training reviews occur earlier in training, or in the test set."""
    is_later = np.ones(len(train), bool)
    is_later[np.unique(train, return_index=True)[1]] = False
    return np.asarray(is_later | occurrences_in(distinct_reviews(test), train))


def distinct_reviews(hashes: np.ndarray) -> np.ndarray:
    """Return the distinct hashes in ascending order."""
    # np.unique builds a hash table, which takes five times the memory.
    ordered = np.sort(hashes)
    is_first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return ordered[is_first]


def occurrences_in(distinct: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """Return which of the hashes are among the sorted distinct ones."""
    if not len(distinct):
        return np.zeros(len(hashes), bool)
    places = np.minimum(np.searchsorted(distinct, hashes), len(distinct) - 1)
    found: np.ndarray = distinct[places] == hashes
    return found
