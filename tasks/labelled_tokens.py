"""Reviews as labels in memory and token ids on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.word_index import RaggedTokens, with_start_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np

    from tasks.spool_tokens import TokenSpool


@dataclass(frozen=True)
class LabelledTokens:
    """n reviews in the order of their source.

    Attributes:
        tokens: Their token ids, in chunks that can be read again and again.
        lengths: Tokens of each review, int32 of shape (n,).
        labels: 0 or 1, int8 of shape (n,).
        review_ids: Position in the source, int32 of shape (n,).
        hashes: A hash of each review's exact words, uint64 of shape (n,).
    """

    tokens: Iterable[RaggedTokens]
    lengths: np.ndarray
    labels: np.ndarray
    review_ids: np.ndarray
    hashes: np.ndarray


@dataclass(frozen=True)
class NumberedTokens:
    """The token ids of reviews whose words lie on the disk as codes.

    Attributes:
        codes: The words of each review, without start id.
        id_of_code: Token id of each code, int32 of shape (codes,).
        kept: Which reviews are meant, bool of shape (n,); None means all.
    """

    codes: TokenSpool
    id_of_code: np.ndarray
    kept: np.ndarray | None = None

    def __iter__(self) -> Iterator[RaggedTokens]:
        """Yield the reviews in chunks, each review with the start id before it."""
        for chunk in kept_reviews(self.codes, self.kept):
            yield with_start_ids(RaggedTokens(self.id_of_code[chunk.ids], chunk.offsets))


def kept_reviews(chunks: Iterable[RaggedTokens], kept: np.ndarray | None) -> Iterator[RaggedTokens]:
    """Yield the chunks with only those reviews that the mask `kept` marks; None keeps all."""
    import numpy as np

    start = 0
    for chunk in chunks:
        if kept is None:
            yield chunk
        else:
            yield chunk.take(np.flatnonzero(kept[start : start + len(chunk)]))
        start += len(chunk)
