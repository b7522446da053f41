"""Subwords: frequent parts of words, learned on the training texts by byte pair encoding.

R. Sennrich, B. Haddow and A. Birch, *Neural Machine Translation of Rare Words with Subword Units*,
ACL 2016 (https://aclanthology.org/P16-1162/), as the library `tokenizers` has it.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tasks.common.errors import import_extra

WORD_START = "▁"
"""Begins the first piece of each word, so that pieces can be joined to the text again."""

NO_CHARACTER = "\ufffd"
"""Stands for a character that is none of those learned; so does a text's own `WORD_START`."""

_UNKNOWN = " "  # no piece holds a space

_LEAST_PAIRS = 2

Merge = tuple[str, str]


def learn_subwords(
    texts: Iterable[Sequence[str]], alphabet: Sequence[str], pieces: int
) -> tuple[list[str], list[Merge]]:
    """Return at most so many pieces, and the pairs that were joined to them, in this order.

    `texts` are normalized. `alphabet` are all their characters, the most frequent first; at most
    half of the pieces are single characters, the rest of the characters is unknown.
    """
    library = import_extra("tokenizers", "subwords")
    encoder = _splitting(library, library.models.BPE())
    no_piece = (" ", WORD_START, NO_CHARACTER)
    known = [WORD_START, *(one for one in alphabet if one not in no_piece)]
    known = known[: max(2, pieces // 2)]
    trainer = library.trainers.BpeTrainer(
        vocab_size=pieces,
        min_frequency=_LEAST_PAIRS,
        initial_alphabet=known,
        # By itself the library would choose among equally rare characters by chance.
        limit_alphabet=len(known),
        show_progress=False,
    )
    encoder.train_from_iterator((list(some) for some in texts), trainer)
    learned = json.loads(encoder.to_str())["model"]
    ids: dict[str, int] = learned["vocab"]
    return sorted(ids, key=ids.__getitem__), [(left, right) for left, right in learned["merges"]]


class SubwordEncoder:
    """Splits words of normalized texts into pieces that were learned before."""

    def __init__(self, ids: dict[str, int], merges: Sequence[Merge], unknown_id: int) -> None:
        """Take the id of each piece, and that of characters that are none of them.

        A MissingExtraError says that the library is not installed.
        """
        library = import_extra("tokenizers", "subwords")
        pairs = [(left, right) for left, right in merges]  # as read from JSON, they are lists
        model = library.models.BPE(ids | {_UNKNOWN: unknown_id}, pairs, unk_token=_UNKNOWN)
        self._encoder = _splitting(library, model)

    def __call__(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids of n words, int32, one after another, and how many each of them has."""
        found = [one.ids for one in self._encoder.encode_batch_fast(words)]
        flat = np.fromiter((token for ids in found for token in ids), np.int32)
        return flat, np.array([len(ids) for ids in found], np.int64)


def _splitting(library: Any, model: Any) -> Any:  # noqa: ANN401 - an optional library
    """Return a tokenizer that joins no pieces across words and punctuation."""
    encoder = library.Tokenizer(model)
    encoder.normalizer = library.normalizers.Replace(WORD_START, NO_CHARACTER)
    split = library.pre_tokenizers
    encoder.pre_tokenizer = split.Sequence(
        [split.Metaspace(WORD_START, "always"), split.Punctuation("isolated")]
    )
    return encoder
