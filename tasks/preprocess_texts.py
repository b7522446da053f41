"""Preprocess: texts become the rows of numbers that the network was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.pad_reviews import pad_tokens
from tasks.tokenize_text import START_ID, UNKNOWN_ID
from tasks.word_index import WordIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa

    from tasks.training_config import TextConfig


@dataclass(frozen=True)
class PreparedTexts:
    """What the network sees of n texts, and what it does not.

    `tokens` is int32 of shape (n, maxlen). Of shape (n,) are `words`, the words of the whole
    text, `unknown`, those that the vocabulary does not hold, and `used`, those in `tokens`.
    """

    tokens: np.ndarray
    words: np.ndarray
    unknown: np.ndarray
    used: np.ndarray


class Preprocessing:
    """Tokenizer, word index, cutting and padding of one training."""

    def __init__(self, words: Sequence[str], text: TextConfig) -> None:
        """Take the words of the index by rank, and how texts were cut and padded."""
        self._index = WordIndex(words)
        self.text = text

    def prepare(self, texts: pa.Array) -> PreparedTexts:
        """Return the padded tokens of n texts; a missing text counts as an empty one."""
        import numpy as np

        ragged = self._index.tokens([texts])
        tokens = pad_tokens(ragged.ids, ragged.offsets, self.text)
        is_unknown = (ragged.ids >= self.text.num_words) | (ragged.ids == UNKNOWN_ID)
        unknown = np.diff(np.concatenate([[0], np.cumsum(is_unknown)])[ragged.offsets])
        return PreparedTexts(
            tokens=tokens,
            words=np.diff(ragged.offsets) - 1,
            unknown=unknown,
            used=np.sum(tokens > START_ID, axis=1),
        )
