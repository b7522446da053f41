"""Which words of a text mattered: what each adds to the logit of the answer.

An n-gram network is a sum, so this is exact: no sampling, no approximation, and no second model. Of
any other network it is as exact as its `gap` says (`tasks.model.own.word_gradients`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from tasks.common.formatting import signed
from tasks.config.training import TextConfig
from tasks.data.text.subwords import WORD_START
from tasks.data.text.tokenizer import SPLIT
from tasks.data.text.vocabulary import RaggedTokens, Vocabulary, offsets_of
from tasks.model.ngrams.table import Explain, token_parts

_NAMED = 3
"""Words that are named for the answer, and as many against it."""

_NO_PIECE = "[?]"

_SPACE = "space"

_NONE_COUNTS = 1e-9

EXPLANATION = pa.schema(
    {
        "strongest": pa.string(),
        "base": pa.float32(),
        "gap": pa.float32(),
        "words": pa.list_(pa.struct({"word": pa.string(), "contribution": pa.float32()})),
    }
)
"""The columns of an explanation: the strongest words, and all of them in the order of the text.

The contributions and `base` are together the logit of the answer, but for `gap`. Of two labels it
is that against the other one, of more that of an n-gram network or else the log-odds.
"""


@dataclass(frozen=True)
class Explanation:
    """The words of a text, and what each adds to the logit of the answer.

    A word that was cut adds 0. `base` is what the network says of no words at all: with the
    contributions it makes the logit, which is missed by the `gap`.
    """

    words: tuple[str, ...]
    contributions: tuple[float, ...]
    base: float
    gap: float

    @property
    def strongest(self) -> str:
        """The words that say most for the answer and against it, each counted wherever it is."""
        added = Counter[str]()
        for word, contribution in zip(self.words, self.contributions, strict=True):
            name = word.strip() or _SPACE
            added[name] += contribution  # type: ignore[assignment] # floats can be counted
        ranked = added.most_common()
        sides = {
            "for": [pair for pair in ranked if pair[1] > _NONE_COUNTS],
            "against": [pair for pair in ranked[::-1] if pair[1] < -_NONE_COUNTS],
        }
        return "; ".join(
            f"{side} {', '.join(f'{word} {signed(number, 2)}' for word, number in pairs[:_NAMED])}"
            for side, pairs in sides.items()
            if pairs
        )


def explanation_columns(explained: Sequence[Explanation]) -> pa.RecordBatch:
    """Return a row of `EXPLANATION` for each."""
    # Lists of dictionaries would take Arrow three times as long as all the rest.
    kind = EXPLANATION.field("words").type
    flat = [
        pa.array([word for one in explained for word in one.words], pa.string()),
        pa.array([number for one in explained for number in one.contributions], pa.float32()),
    ]
    ends = offsets_of(np.asarray([len(one.words) for one in explained], np.int64))
    words = pa.StructArray.from_arrays(flat, fields=[*kind.value_type])
    columns = [
        pa.array([one.strongest for one in explained], pa.string()),
        pa.array([one.base for one in explained], pa.float32()),
        pa.array([one.gap for one in explained], pa.float32()),
        pa.ListArray.from_arrays(ends.astype(np.int32), words, kind),
    ]
    return pa.record_batch(columns, schema=EXPLANATION)


def explanations(
    texts: pa.Array,
    tokens: RaggedTokens,
    said: np.ndarray,
    explain: Explain,
    vocabulary: Vocabulary,
    text: TextConfig,
) -> list[Explanation]:
    """Return the explanation of each of n texts, with these ids and the answers `said`."""
    of_tokens, parts = token_parts(explain, tokens, said, text)
    is_word = np.ones(len(tokens.ids), bool)
    is_word[tokens.offsets[:-1]] = False  # each text begins with a start id
    ids, words = tokens.ids[is_word], tokens.where(is_word).offsets
    written, numbers = _written(texts, ids, vocabulary), of_tokens[is_word].tolist()
    return [
        Explanation(tuple(written[start:end]), tuple(numbers[start:end]), base, gap)
        for (start, end), base, gap in zip(
            pairwise(words.tolist()), parts.base.tolist(), parts.gap.tolist(), strict=True
        )
    ]


def _written(texts: pa.Array, ids: np.ndarray, vocabulary: Vocabulary) -> Sequence[str]:
    """Return each token as the text has it, also one that the vocabulary does not hold."""
    if vocabulary.tokenizer == "subwords":
        pieces = (vocabulary.word(token) or _NO_PIECE for token in ids.tolist())
        return [piece.replace(WORD_START, " ") for piece in pieces]
    words: list[str] = SPLIT[vocabulary.tokenizer](texts)[0].to_pylist()
    return words
