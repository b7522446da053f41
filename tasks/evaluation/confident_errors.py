"""The most confident errors, with their words as the network saw them."""

from collections import Counter, defaultdict
from heapq import nlargest
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from tasks.config.training import TextConfig
from tasks.data.review_files import read_chosen
from tasks.data.text.padding import pad_tokens
from tasks.data.text.tokenizer import FIRST_WORD_ID, UNKNOWN_ID
from tasks.data.text.vocabulary import RaggedTokens, Vocabulary, is_unknown
from tasks.evaluation.slices import Predictions
from tasks.model.answers import of_each
from tasks.model.ngrams.table import Explain, NgramTable, token_parts

Kind = Literal["seen", "for", "against", "unknown", "cut"]
_SHOWN = 10
_CUT_WORDS = 60
_WEAK = 0.15  # share of the strongest word below which a word says nothing worth a colour

_MOST_WRONG = 2000
"""Wrong reviews whose n-grams are added up, so that time and memory do not grow."""

_LEFT_OUT = "…"  # stands for words that were cut between others that are shown
_NO_WORD = "[?]"  # stands for a word that no training text holds: nobody knows what it was


def confident_errors(
    predictions: Predictions,
    said: np.ndarray,
    test: Path,
    vocabulary: Vocabulary,
    text: TextConfig,
    explain: Explain | None = None,
) -> list[dict[str, Any]]:
    """Return the wrong predictions of which the network was surest, the worst first.

    `said` has the class of each answer, shape (n,), by the cut where there is one. `test` has the
    token lists of the test set. Each has review id, label, the answer and its probability, length,
    and its words in parts of one kind: seen by the network, unknown to it, or cut off. Far cut
    words are only counted. Where `explain` says what each token adds, seen words that say much are
    those for the answer and against it, and `gap` is what that misses of the logit.
    """
    wrong = np.flatnonzero(said != predictions.label)
    sure = of_each(predictions.probability)[np.arange(len(said)), said]
    rows = wrong[np.argsort(-sure[wrong], kind="stable")[:_SHOWN]]
    ids = predictions.review_id[rows].tolist()
    tokens: dict[int, list[int]] = {}
    for chosen in read_chosen(test, ids):
        tokens |= zip(chosen["review_id"].to_pylist(), chosen["tokens"].to_pylist(), strict=True)
    added: dict[int, np.ndarray] = {}
    gaps: dict[int, dict[str, float]] = {}
    if explain and ids:
        lists = RaggedTokens.of(pa.array([tokens[review] for review in ids]))
        of_ids, parts = token_parts(explain, lists, said[rows], text)
        added = dict(zip(ids, np.split(of_ids, lists.offsets[1:-1]), strict=True))
        gaps = {review: {"gap": gap} for review, gap in zip(ids, parts.gap.tolist(), strict=True)}
    return [
        {
            "review_id": review,
            "label": int(predictions.label[row]),
            "answer": int(said[row]),
            "probability": float(sure[row]),
            "length": int(predictions.length[row]),
            **gaps.get(review, {}),
            **shown_words(tokens[review], vocabulary, text, added.get(review)),
        }
        for review, row in zip(ids, rows.tolist(), strict=True)
    ]


def error_ngrams(
    predictions: Predictions,
    said: np.ndarray,
    test: Path,
    vocabulary: Vocabulary,
    text: TextConfig,
    table: NgramTable,
) -> list[dict[str, Any]]:
    """Return the n-grams that carry the most errors, the worst first.

    Each has its words as `ngram`, in how many of the wrong reviews it is (`errors`), and what it
    adds there to the logits of the wrong answers, all together (`added`). Of many wrong reviews the
    first 2,000 are looked at. `said` is as above.
    """
    wrong = np.flatnonzero(said != predictions.label)[:_MOST_WRONG]
    judged_as = said[wrong].tolist()
    answer_of = dict(zip(predictions.review_id[wrong].tolist(), judged_as, strict=True))
    added, errors = defaultdict[tuple[int, ...], float](float), Counter[tuple[int, ...]]()
    for chosen in read_chosen(test, answer_of):
        padded = pad_tokens(RaggedTokens.of(chosen["tokens"]), text)
        judged = np.array([answer_of[one] for one in chosen["review_id"].to_pylist()], np.int64)
        ngrams, flat = table.ngram_parts(padded, judged), padded.reshape(-1).tolist()
        places, words = ngrams.places.tolist(), ngrams.words.tolist()
        found = set()
        for place, count, part in zip(places, words, ngrams.added.tolist(), strict=True):
            ngram = tuple(flat[place : place + count])
            added[ngram] += part
            found.add((place // text.maxlen, ngram))
        errors.update(ngram for _, ngram in found)
    return [
        {
            "ngram": vocabulary.joined(vocabulary.word(one) or _NO_WORD for one in ngram),
            "errors": errors[ngram],
            "added": sum_of_parts,
        }
        for ngram, sum_of_parts in nlargest(_SHOWN, added.items(), key=itemgetter(1))
        if sum_of_parts > 0
    ]


def shown_words(
    tokens: list[int], vocabulary: Vocabulary, text: TextConfig, added: np.ndarray | None = None
) -> dict[str, Any]:
    """Return a review's `parts` of one kind each, and how many cut words are `not_shown`.

    `added` is what each token adds to the logit of the answer, shape (tokens,), if that is known.
    """
    shares = np.zeros(len(tokens)) if added is None else added / max(np.abs(added).max(), 1e-9)
    unknown = is_unknown(np.asarray(tokens), text.num_words)
    head = text.kept_first
    cut = range(head, head + max(0, len(tokens) - text.maxlen))
    # What is cut is shown near to what was seen, on either side that has some.
    hidden = range(
        cut.start + (_CUT_WORDS if head else 0),
        cut.stop - (_CUT_WORDS if head < text.maxlen else 0),
    )
    described: list[tuple[Kind, str]] = []
    for place, (token, share) in enumerate(zip(tokens, shares.tolist(), strict=True)):
        if place in hidden:
            continue
        if place == hidden.stop and hidden and head:
            described.append(("cut", _LEFT_OUT))
        if token == UNKNOWN_ID or token >= FIRST_WORD_ID:
            said: Kind = "seen" if abs(share) < _WEAK else "for" if share > 0 else "against"
            kind: Kind = "cut" if place in cut else "unknown" if unknown[place] else said
            described.append((kind, vocabulary.word(token) or _NO_WORD))
    parts = [
        {"kind": kind, "text": vocabulary.joined(word for _, word in group)}
        for kind, group in groupby(described, key=lambda part: part[0])
    ]
    return {"parts": parts, "not_shown": len(hidden)}
