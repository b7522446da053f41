"""Give each word its id: by frequency in the training texts, numbered as Keras does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
    def of(cls, texts: Iterable[pa.Array]) -> _CodedWords:
        import numpy as np

        coded = cls({}, [])
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
            ids.append(np.insert(id_of_code[codes], offsets[:-1], START_ID))
            lengths.append(np.diff(offsets) + 1)
        offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
        return RaggedTokens(np.concatenate(ids).astype(np.int32), offsets)


def index_words(
    train_texts: Iterable[pa.Array], test_texts: Iterable[pa.Array]
) -> tuple[RaggedTokens, RaggedTokens, list[str]]:
    """Return the tokens of both sets and the words by rank, learned on the training texts only.

    Equal counts are ranked by first occurrence. A test word that no training text holds
    becomes the unknown id 2. The vocabulary is not cut here: `num_words` is applied later.
    """
    import numpy as np

    train = _CodedWords.of(train_texts)
    words = list(train.codes)
    order = np.argsort(-train.counts(), kind="stable")
    id_of_code = np.empty(len(words), np.int32)
    id_of_code[order] = np.arange(len(words), dtype=np.int32) + 1 + FIRST_WORD_OFFSET
    ranked = [words[code] for code in order.tolist()]

    test = _CodedWords.of(test_texts)
    known = train.codes
    test_ids = np.asarray(
        [id_of_code[known[word]] if word in known else UNKNOWN_ID for word in test.codes], np.int32
    )
    return train.tokens(id_of_code), test.tokens(test_ids), ranked


def text_chunks(texts: pa.ChunkedArray, rows: int = 4096) -> Iterator[pa.Array]:
    """Yield `texts` in arrays of at most `rows`, so that scratch memory stays small."""
    for start in range(0, len(texts), rows):
        yield texts.slice(start, rows).combine_chunks()
