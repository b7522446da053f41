"""Compute a trained n-gram network in NumPy: find the n-grams that its table holds, add their rows.

Keras hashes and sorts all places of a padded review, though most hold no word, and few of the rest
an n-gram that is known. The sums are of 64 bits here, so that only what is added is rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tasks.config.training import TextConfig
from tasks.data.text.padding import kept_places, pad_tokens
from tasks.data.text.tokenizer import FIRST_WORD_ID
from tasks.data.text.vocabulary import RaggedTokens
from tasks.model.keras_archive import KerasArchive

NGRAM_BAG = "ngram_bag"
"""The name of a network of `build_ngram_bag`."""

FINGERPRINT_BITS = 24
"""A float32 of the model's file holds integers of so many bits exactly."""

# Odd constants whose products spread over all bits; a product of 32 bits wraps around.
STEP, BUCKET_MIX, FINGERPRINT_MIX = 739_982_445, 695_872_825, 1_540_483_477
STEP_FOLD, BUCKET_FOLD, FINGERPRINT_FOLD = 15, 12, 13
POSITIVE = 1 << 30

_REVIEWS_AT_ONCE = 64
"""What is computed in one go: its arrays stay in the processor's cache."""

_LAYERS = {
    "tokens": "",
    "bucket": "",
    "fingerprint": "",
    "fingerprints": "embedding",
    "ratios": "embedding_1",
    "weights": "embedding_2",
    "tail_weights": "embedding_3",
    "probability": "dense",
}
"""The layers of `build_ngram_bag`, with the names that their weights have in a `.keras` file."""

_ALWAYS = _LAYERS.keys() - {"tail_weights"}


def ngram_hashes(
    tokens: np.ndarray, places: np.ndarray, longest: int, buckets: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the n-grams of one word, of two, up to `longest`, as Keras's `ngram_hashes` has them.

    `places` are those of the words in the flat `tokens`, int32 of shape (n, maxlen). For each word
    with enough words behind it there is the bucket (uint32), the fingerprint (uint32), and whether
    they are words of one review, with none between them left out: else it is no n-gram.
    """
    ids, maxlen = tokens.reshape(-1)[places].astype(np.uint32), tokens.shape[1]
    columns = places % maxlen
    for words in range(1, longest + 1):
        count = max(len(ids) - words + 1, 0)
        mixed = np.full(count, words, np.uint32)
        for word in range(words):
            mixed = _spread((mixed ^ ids[word : count + word]) * np.uint32(STEP), STEP_FOLD)
        whole = places[words - 1 :] - places[:count] == words - 1
        whole &= columns[:count] <= maxlen - words
        bucket = _spread(mixed * np.uint32(BUCKET_MIX), BUCKET_FOLD) % np.uint32(buckets - 1) + 1
        fingerprint = _spread(mixed * np.uint32(FINGERPRINT_MIX), FINGERPRINT_FOLD)
        yield bucket, fingerprint & np.uint32((1 << FINGERPRINT_BITS) - 1), whole


def _spread(hashes: np.ndarray, bits: int) -> np.ndarray:
    positive = hashes & np.uint32(POSITIVE - 1)
    return positive ^ positive >> np.uint32(bits)


@dataclass(frozen=True)
class WordParts:
    """What each token of n reviews adds to the logit of the answer, and what is there without any.

    `of_tokens` is float64 of shape (n, maxlen), `base` of shape (n,), and so is `gap`, by how much
    they miss the logit. Of two labels that is the one of the answer against the other one.
    """

    of_tokens: np.ndarray
    base: np.ndarray
    gap: np.ndarray


Explain = Callable[[np.ndarray, np.ndarray], WordParts]
"""Says of padded tokens, and of the class of each answer, what each token adds."""


@dataclass(frozen=True)
class NgramParts:
    """What each place of a known n-gram adds to the logit of its review's answer, shape (k,) each.

    `places` are those of the first words in the flat tokens, `words` how many they are.
    """

    places: np.ndarray
    words: np.ndarray
    added: np.ndarray


@dataclass(frozen=True)
class KnownNgrams:
    """The n-grams that a network of `build_ngram_bag` knows; several threads may ask at once.

    `held` has the fingerprint of the n-gram in each bucket, uint32 of shape (buckets,), of more
    than `FINGERPRINT_BITS` where there is none. Bucket 0 is that of all that is no n-gram.
    """

    maxlen: int
    longest: int
    held: np.ndarray

    @staticmethod
    def of_layers(layers: list[dict[str, Any]], fingerprints: np.ndarray) -> KnownNgrams:
        """Return those of a network with these configs of its layers, and this table."""
        held = fingerprints[:, 0].astype(np.int32).view(np.uint32)
        return KnownNgrams(learned_tables(layers)["weights"], _longest(layers), held)

    def in_all(self, length: int) -> int:
        """Return how many n-grams so many tokens would have."""
        return sum(length - words for words in range(self.longest))

    def present(self, tokens: np.ndarray, lengths: Sequence[int]) -> list[np.ndarray]:
        """Return what Keras's `distinct` gives of the buckets of the last so many tokens.

        For each length int32 of shape (n, number of n-grams), for int32 tokens of (n, maxlen).
        """
        found = [np.zeros((len(tokens), self.in_all(length)), np.int32) for length in lengths]
        for start in range(0, len(tokens), _REVIEWS_AT_ONCE):
            some = slice(start, start + _REVIEWS_AT_ONCE)
            each = self._sorted(tokens[some], lengths)
            for ngrams, (codes, is_first) in zip(found, each, strict=True):
                rows, buckets = np.divmod(codes.astype(np.int64), len(self.held))
                ends = np.cumsum(np.bincount(rows))
                columns = ngrams.shape[1] - ends[rows] + np.arange(len(codes))
                ngrams[some][rows, columns] = np.where(is_first, buckets, 0)
        return found

    def _sorted(
        self, tokens: np.ndarray, lengths: Sequence[int]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield for each length the known n-grams, row and bucket in one number, ascending.

        With them: which is the first one of its kind.
        """
        places, found = self._found(tokens)
        columns = places % self.maxlen
        for length in lengths:
            is_last = columns >= self.maxlen - length
            codes = np.concatenate([code[known & is_last[: len(code)]] for code, known in found])
            codes.sort()
            yield codes, np.diff(codes, prepend=codes.dtype.type(0)) > 0

    def _found(self, tokens: np.ndarray) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
        """Return the places of the words, and of the n-grams at each: row and bucket, if known."""
        buckets = len(self.held)
        places = np.flatnonzero(tokens >= FIRST_WORD_ID)
        # Few bits are sorted faster.
        begins = (places // self.maxlen * buckets).astype(np.min_scalar_type(len(tokens) * buckets))
        return places, [
            (begins[: len(bucket)] + bucket, whole & (self.held.take(bucket) == mark))
            for bucket, mark, whole in ngram_hashes(tokens, places, self.longest, buckets)
        ]


@dataclass(frozen=True)
class NgramTable(KnownNgrams):
    """A trained network of `build_ngram_bag`; several threads may call it at once.

    `evidence` has what the n-gram of each bucket adds if it is among so many of the last tokens,
    float32 of shape (buckets, numbers).
    """

    evidence: Sequence[tuple[int, np.ndarray]]
    kernel: np.ndarray
    bias: np.ndarray

    @classmethod
    def of(cls, archive: KerasArchive) -> Self:
        """Return the tables of an archive of which `is_ngram_bag` holds."""
        layers = archive.config["config"]["layers"]

        def weights(layer: str, number: int = 0) -> np.ndarray:
            return archive.weights[f"layers/{_LAYERS[layer]}/vars/{number}"]

        return cls(
            **vars(KnownNgrams.of_layers(layers, weights("fingerprints"))),
            evidence=[
                (length, weights("ratios") * weights(name))
                for name, length in learned_tables(layers).items()
            ],
            kernel=weights("probability"),
            bias=weights("probability", 1),
        )

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        """Return what the network gives for int32 tokens (n, maxlen), float32 (n, numbers)."""
        return _probabilities(self.logits(tokens)).astype(np.float32)

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        """Return what the probabilities are made of, float64 (n, numbers)."""
        starts = range(0, len(tokens), _REVIEWS_AT_ONCE)
        parts = [self._sums(tokens[start : start + _REVIEWS_AT_ONCE]) for start in starts]
        sums = np.concatenate([np.empty((0, len(self.kernel))), *parts])
        return np.asarray(sums @ self.kernel + self.bias)

    def word_parts(self, tokens: np.ndarray, said: np.ndarray) -> WordParts:
        """Return what each token adds to the logit of the answer, for int32 tokens (n, maxlen).

        `said` has the class of each answer, shape (n,). An n-gram's part is shared equally by its
        words, and by its places where it is repeated. With a `base` of what the network says of no
        n-gram at all the parts are the logit.
        """
        ngrams = self.ngram_parts(tokens, said)
        shares = ngrams.added / ngrams.words
        of_words = np.zeros(tokens.size)
        for word in range(self.longest):
            in_it = ngrams.words > word
            np.add.at(of_words, ngrams.places[in_it] + word, shares[in_it])
        base = np.sum([self.in_all(length) * held[0] for length, held in self.evidence], axis=0)
        bases = _of_answers(base[None] @ self.kernel + self.bias, said)
        return WordParts(of_words.reshape(tokens.shape), bases, np.zeros(len(tokens)))

    def ngram_parts(self, tokens: np.ndarray, said: np.ndarray) -> NgramParts:
        """Return each place of a known n-gram, and its part of the logit of the answer `said`."""
        buckets = len(self.held)
        places, found = self._found(tokens)
        starts = np.concatenate([places[: len(code)][known] for code, known in found])
        codes = np.concatenate([code[known].astype(np.int64) for code, known in found])
        words = np.repeat(np.arange(1, self.longest + 1), [known.sum() for _, known in found])
        added = np.zeros((len(starts), len(self.kernel)))
        for length, evidence in self.evidence:
            counted = np.flatnonzero(starts % self.maxlen >= self.maxlen - length)
            _, which, times = np.unique(codes[counted], return_inverse=True, return_counts=True)
            own = evidence[codes[counted] % buckets] - evidence[0].astype(float)
            added[counted] += own / times[which][:, None]
        of_answer = _of_answers(added @ self.kernel, said[starts // self.maxlen])
        return NgramParts(starts, words, of_answer)

    def _sums(self, tokens: np.ndarray) -> np.ndarray:
        """Return the evidence of the distinct n-grams of each review, added up."""
        buckets = len(self.held)
        total = np.zeros((len(tokens), len(self.kernel)))
        each = self._sorted(tokens, [length for length, _ in self.evidence])
        for (length, evidence), (every, is_first) in zip(self.evidence, each, strict=True):
            codes = every[is_first]
            ends = np.searchsorted(codes, np.arange(len(tokens) + 1) * buckets)
            counts = np.diff(ends)
            # A sum of no rows begins with the row of zeros behind the others.
            added = np.vstack([evidence[codes % buckets], 0 * evidence[:1]])
            sums = np.add.reduceat(added, ends[:-1], axis=0, dtype=float)
            total += np.where(counts[:, None] > 0, sums, 0)
            # All that is no n-gram, and what is repeated, has bucket 0.
            total += (self.in_all(length) - counts)[:, None] * evidence[0].astype(float)
        return total


def token_parts(
    explain: Explain, tokens: RaggedTokens, said: np.ndarray, text: TextConfig
) -> tuple[np.ndarray, WordParts]:
    """Return what each of `tokens.ids` adds to the logit of its text's answer, 0 if it was cut.

    `said` has the class of each answer, shape (n,). Also returned are the parts as padded.
    """
    parts = explain(pad_tokens(tokens, text), said)
    places = kept_places(tokens, text)
    of_ids = np.zeros(len(tokens.ids))
    of_ids[places[places >= 0]] = parts.of_tokens[places >= 0]
    return of_ids, parts


def is_ngram_bag(archive: KerasArchive) -> bool:
    """Tell whether a model is one of `build_ngram_bag`, with the hashes of this version."""
    config = archive.config.get("config", {})
    layers = config.get("layers", [])
    named = {layer["name"]: layer["config"] for layer in layers if "name" in layer}
    if config.get("name") != NGRAM_BAG or archive.names_code or not named.keys() >= _ALWAYS:
        return False
    found = {
        value
        for layer in layers
        for node in layer["inbound_nodes"]
        for value in node["args"]
        if isinstance(value, int)
    }
    return found == {
        *(STEP, BUCKET_MIX, FINGERPRINT_MIX, STEP_FOLD, BUCKET_FOLD, FINGERPRINT_FOLD),
        *(POSITIVE, 1 << FINGERPRINT_BITS, FIRST_WORD_ID, named["ratios"]["input_dim"] - 1),
        *range(1, _longest(layers) + 1),
    }


def learned_tables(layers: list[dict[str, Any]]) -> dict[str, int]:
    """Return the layers of learned weights, with how many of the last tokens each is for."""
    maxlen = layers[0]["config"]["batch_shape"][1]
    tail = _tail(layers, maxlen)
    return {"weights": maxlen} | ({"tail_weights": tail} if tail else {})


def _longest(layers: list[dict[str, Any]]) -> int:
    """Return the most words of an n-gram: for each number of words it is asked which are whole."""
    return sum(layer["class_name"] == "GreaterEqual" for layer in layers)


def _tail(layers: list[dict[str, Any]], maxlen: int) -> int:
    """Return how many of the last tokens count again: `ending` takes first the words of these."""
    for layer in layers:
        if layer["class_name"] == "GetItem":
            taken, (_, columns) = layer["inbound_nodes"][0]["args"]
            of_tokens = taken["config"]["keras_history"][0] == "tokens"
            start, stop = (columns["config"][end] for end in ("start", "stop"))
            if not of_tokens and stop == maxlen and start is not None:
                return int(maxlen - start)
    return 0


def _of_answers(logits: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return of logits (n, numbers), or (1, numbers) for all, those of the answers, shape (n,)."""
    if logits.shape[1] == 1:
        return np.asarray(np.where(said == 1, 1.0, -1.0) * logits[:, 0])
    rows = np.broadcast_to(logits, (len(said), logits.shape[1]))
    return np.asarray(rows[np.arange(len(said)), said], float)


def _probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the sigmoid of one number, the softmax of several."""
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
        return _probabilities(logits)[:, 1:]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return shares
