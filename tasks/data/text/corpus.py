"""What is known of a source's texts before they are read: labels and groups, not the texts."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.common.errors import BadDataError
from tasks.data.text.disk_shuffle import TokensOnDisk
from tasks.data.text.tokenizer import FIRST_WORD_ID, UNKNOWN_ID, split_words
from tasks.data.text.vocabulary import (
    RaggedTokens,
    codes_by_rank,
    number_names,
    sequence_hashes,
    text_chunks,
    with_values,
)

Split = Literal["train", "test"]

SPLITS: tuple[Split, Split] = ("train", "test")

_SHOWN_ROWS = 20


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
class TextFile:
    """n reviews of a file: labels and perhaps group numbers of shape (n,), and their texts.

    `texts` reads the file again each time that it is called. `left_out` has what was left out,
    by what it lacks.
    """

    labels: np.ndarray
    texts: Callable[[], Iterator[pa.Array]]
    groups: np.ndarray | None = None
    left_out: dict[str, LeftOut] = field(default_factory=dict)


@dataclass(frozen=True)
class TextSource:
    """The texts of both sets in chunks, each time read again, and their labels."""

    labels: dict[Split, np.ndarray]
    texts: Callable[[], Iterator[tuple[Split, pa.Array]]]
    label_names: tuple[str, str]
    train_groups: np.ndarray | None
    left_out: dict[Split, dict[str, LeftOut]] = field(default_factory=dict)


FilesAndNames = tuple[dict[Split, TextFile], tuple[str, str]]
"""One or both sets of a source, and what the labels 0 and 1 mean."""


@dataclass(frozen=True)
class LabelledTokens:
    """n reviews in the order of their source; their `tokens` can be read again and again.

    Of shape (n,) are `lengths`, int32, the tokens of each review; `labels`, int8, 0 or 1;
    `review_ids`, int32, its position in the source; `hashes`, uint64, one of its exact words.
    """

    tokens: Iterable[RaggedTokens]
    lengths: np.ndarray
    labels: np.ndarray
    review_ids: np.ndarray
    hashes: np.ndarray


@dataclass(frozen=True)
class _NumberedTokens:
    """The token ids of reviews, with start ids, whose words lie on the disk as `codes`.

    `id_of_code` and `kept` are those of `CodedReviews.labelled`.
    """

    codes: TokensOnDisk
    id_of_code: np.ndarray
    kept: np.ndarray | None

    def __iter__(self) -> Iterator[RaggedTokens]:
        for chunk in _kept_reviews(self.codes, self.kept):
            yield RaggedTokens(self.id_of_code[chunk.ids], chunk.offsets).with_start_ids()


class CodedReviews:
    """The reviews of a set while they are read: `codes` of their words, and a hash of each."""

    def __init__(self, folder: Path | None) -> None:
        """Begin without reviews; the codes go to the disk of `folder`."""
        self.codes = TokensOnDisk(folder)
        self._hashes = bytearray()

    def add(self, reviews: RaggedTokens) -> None:
        """Take the codes of the next reviews."""
        self.codes.add(reviews)
        self._hashes += short_hashes(reviews).data

    def hashes(self) -> np.ndarray:
        """Return a hash of each review's words, uint64 of shape (n,); none is added any more."""
        return np.frombuffer(self._hashes, np.uint64)

    def labelled(
        self, id_of_code: np.ndarray, labels: np.ndarray, kept: np.ndarray | None
    ) -> LabelledTokens:
        """Return the reviews as tokens.

        `id_of_code` is int32 of shape (codes,), `labels` is int8 of shape (n,). The mask `kept` of
        shape (n,) says which reviews are meant; None means all.
        """
        rows = slice(None) if kept is None else kept
        return LabelledTokens(
            tokens=_NumberedTokens(self.codes, id_of_code, kept),
            lengths=(self.codes.lengths() + 1)[rows],
            labels=labels[rows],
            review_ids=np.arange(len(labels), dtype=np.int32)[rows],
            hashes=self.hashes()[rows],
        )


def _kept_reviews(
    chunks: Iterable[RaggedTokens], kept: np.ndarray | None
) -> Iterator[RaggedTokens]:
    """Return the chunks with only those reviews that the mask `kept` marks; None keeps all."""
    if kept is None:
        return iter(chunks)
    return (chunk.take(np.flatnonzero(part)) for chunk, part in with_values(chunks, kept))


@dataclass(frozen=True)
class TokenizedSource:
    """Both sets of a source, the words by rank, and what the labels 0 and 1 mean.

    The fingerprint of a set is a hash of its texts and labels in the source's order. It does
    not depend on the other set, the vocabulary or the padding. `train_groups` has the number of
    the group of each training review by its id, int32; None where the source knows of no groups.
    """

    train: LabelledTokens
    test: LabelledTokens
    words: list[str]
    label_names: tuple[str, str]
    fingerprints: dict[str, str]
    train_groups: np.ndarray | None = None
    left_out: dict[Split, dict[str, LeftOut]] = field(default_factory=dict)


def tokenize_source(
    source: TextSource, *, deduplicate: bool = False, folder: Path | None = None
) -> TokenizedSource:
    """Return the tokens of both sets and the words by rank, learned on the training texts only.

    Equal counts are ranked by first occurrence. A test word that no training text holds becomes the
    unknown id 2. The vocabulary is not cut here: `num_words` is applied later. Words go to the disk
    of `folder`, by default that of temporary files. A BadDataError says that no training review
    would be left.
    """
    code_of: dict[str, int] = {}
    coded = {split: CodedReviews(folder) for split in SPLITS}
    fingerprints = {split: _TextFingerprint(source.labels[split]) for split in SPLITS}
    for split, texts in source.texts():
        words, offsets = split_words(texts)
        coded[split].add(RaggedTokens(number_names(words, code_of), offsets))
        fingerprints[split].add(texts)
    kept = kept_in_train(coded) if deduplicate else None
    if kept is not None:  # the texts are read once more
        fingerprints["train"] = _TextFingerprint(source.labels["train"][kept])
        train = (texts for split, texts in source.texts() if split == "train")
        for texts, part in with_values(train, kept):
            fingerprints["train"].add(texts.filter(pa.array(part)))
    names = list(code_of)
    # Ranked by what is kept, so that the vocabulary holds no word of a dropped review.
    ranked = codes_by_rank(_kept_reviews(coded["train"].codes, kept), len(names))
    ids = np.full(len(names), UNKNOWN_ID, np.int32)
    ids[ranked] = np.arange(len(ranked)) + FIRST_WORD_ID
    return TokenizedSource(
        coded["train"].labelled(ids, source.labels["train"], kept),
        coded["test"].labelled(ids, source.labels["test"], None),
        [names[code] for code in ranked.tolist()],
        source.label_names,
        {split: fingerprints[split].hexdigest() for split in SPLITS},
        source.train_groups,
        source.left_out,
    )


def short_hashes(reviews: RaggedTokens) -> np.ndarray:
    """Return 64 bits of each review's hash: equal ones by chance are rare among a billion."""
    digests = b"".join(digest[:8] for digest in sequence_hashes(reviews))
    return np.frombuffer(digests, np.uint64)


def kept_in_train(coded: Mapping[Split, CodedReviews]) -> np.ndarray:
    """Return which training reviews repeat no other one and no test review, bool of shape (n,).

    At least one is left, else a BadDataError is raised.
    """
    kept: np.ndarray = ~repeated_in_train(coded["train"].hashes(), coded["test"].hashes())
    if not kept.any():
        raise BadDataError("deduplicate drops every training review: all are test reviews too")
    return kept


class _TextFingerprint:
    """A hash of a set's texts and labels, taken chunk by chunk."""

    def __init__(self, labels: np.ndarray) -> None:
        self._digest = hashlib.sha256()
        self._labels = labels
        self._rows = 0

    def add(self, texts: pa.Array) -> None:
        labels = pa.array(self._labels[self._rows : self._rows + len(texts)])
        self._rows += len(texts)
        texts = texts.cast(pa.large_string()).fill_null("")
        numbers = [column.cast(pa.large_string()) for column in (labels, pc.utf8_length(texts))]
        rows = pc.binary_join_element_wise(*numbers, texts, pa.scalar(" ", pa.large_string()))
        self._digest.update(b"".join(rows.cast(pa.large_binary()).to_pylist()))

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def text_fingerprint(reviews: pa.Table) -> str:
    """Return a hash of the texts and labels of `reviews`, in their order."""
    fingerprint = _TextFingerprint(reviews["label"].to_numpy())
    for texts in text_chunks(reviews["text"]):
        fingerprint.add(texts)
    return fingerprint.hexdigest()


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
