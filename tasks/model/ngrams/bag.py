"""A linear network on the presence of word n-grams, each weighed by its naive Bayes ratio.

The ratio of an n-gram is counted once, before the training; what is learned is by how much each
ratio counts. See Wang and Manning, *Baselines and Bigrams*, ACL 2012
(https://aclanthology.org/P12-2018/), whose classifier this is as a network.
"""

from collections.abc import Iterable

import keras
import numpy as np
from keras import layers, ops

from tasks.config.training import NgramBagConfig
from tasks.data.text.tokenizer import FIRST_WORD_ID
from tasks.model.answers import class_count, classes_given, output_count
from tasks.model.ngrams.counts import NgramCounts
from tasks.model.ngrams.hashing import distinct, ending, ngram_hashes
from tasks.model.ngrams.table import FINGERPRINT_BITS, NGRAM_BAG
from tasks.model.ngrams.table import ngram_hashes as table_hashes
from tasks.model.probability_layer import probability_layer

_EMPTY = -1.0
"""Fingerprint of a bucket that holds no n-gram."""

_REVIEWS_AT_ONCE = 1024


def build_ngram_bag(
    num_words: int,  # noqa: ARG001 - all networks are built alike
    maxlen: int,
    network: NgramBagConfig,
    classes: int = 2,
) -> keras.Model:
    """Return the uncompiled network; `prepare_ngram_bag` has to fill its tables.

    Input int32 (batch, maxlen), output float32 as of `probability_layer`. Three tables have a row
    per bucket: the fingerprint of the n-gram that the bucket holds, and for each number of the
    output its ratio and its learned weight, which begins at 0. With `ngram_tail` a fourth one has
    weights that count in addition where the n-gram is among the last tokens, since reviews tend to
    end with their verdict.
    """
    outputs = output_count(classes)

    def table(name: str, start: float, width: int, *, learned: bool) -> keras.layers.Embedding:
        first = keras.initializers.Constant(start)
        return layers.Embedding(
            network.ngram_buckets, width, embeddings_initializer=first, trainable=learned, name=name
        )

    tokens = keras.Input((maxlen,), dtype="int32", name="tokens")
    buckets, fingerprints = ngram_hashes(tokens, network.ngram_words, network.ngram_buckets)
    held = ops.squeeze(table("fingerprints", _EMPTY, 1, learned=False)(buckets), axis=-1)
    known = buckets * ops.cast(ops.equal(held, fingerprints), "int32")
    ratios = table("ratios", 0.0, outputs, learned=False)
    logit = evidence(distinct(known), ratios, table("weights", 0.0, outputs, learned=True))
    if network.ngram_tail:
        last = distinct(ending(known, maxlen, network.ngram_words, network.ngram_tail))
        weights = table("tail_weights", 0.0, outputs, learned=True)
        logit = logit + evidence(last, ratios, weights)
    # Only its bias is used, and not learned: how frequent the labels are.
    as_they_are = "ones" if outputs == 1 else "identity"
    probability = probability_layer(classes, kernel_initializer=as_they_are, trainable=False)
    return keras.Model(tokens, probability(logit), name=NGRAM_BAG)


def evidence(
    present: keras.KerasTensor, ratios: keras.layers.Embedding, weights: keras.layers.Embedding
) -> keras.KerasTensor:
    """Return what the n-grams of each review add to its logits, for buckets (n, n-grams)."""
    return ops.sum(ratios(present) * weights(present), axis=1)


def prepare_ngram_bag(
    model: keras.Model, parts: Iterable[tuple[np.ndarray, np.ndarray]], network: NgramBagConfig
) -> None:
    """Fill the tables of fingerprints and ratios, and the bias, from the training reviews.

    `parts` are padded tokens of shape (n, maxlen) and labels of shape (n, 1), part by part. A ratio
    is of one class against all others, and the bias has the network begin with the classes' shares.
    """
    probability = model.get_layer("probability")
    kernel, bias = probability.get_weights()
    classes = class_count(len(bias))
    counts = NgramCounts(classes)
    of_label = np.zeros(classes, np.int64)
    for tokens, labels in parts:
        starts = range(0, len(tokens), _REVIEWS_AT_ONCE)
        codes = [_codes(tokens[start : start + _REVIEWS_AT_ONCE], network) for start in starts]
        counts.add(np.concatenate(codes), labels[:, 0])
        of_label += np.bincount(labels[:, 0].astype(np.int64), minlength=classes)
    buckets = counts.codes >> FINGERPRINT_BITS
    kept, ratios = counts.table(buckets, network.ngram_least_reviews, network.ngram_smoothing)
    rows = kept >> FINGERPRINT_BITS
    for name, values in (
        ("fingerprints", (kept & ((1 << FINGERPRINT_BITS) - 1))[:, None]),
        ("ratios", ratios),
    ):
        layer = model.get_layer(name)
        (filled,) = layer.get_weights()
        filled[rows] = values
        layer.set_weights([filled])
    # Of several classes any other one may be the reference: a softmax knows differences alone.
    shares = np.log(of_label[classes_given(classes)] / of_label[0]).astype(np.float32)
    probability.set_weights([kernel, shares])


def _codes(tokens: np.ndarray, network: NgramBagConfig) -> np.ndarray:
    """Return bucket and fingerprint of each n-gram in one int64, 0 for none, shape (n, all)."""
    places = np.flatnonzero(tokens >= FIRST_WORD_ID)
    codes = np.zeros((network.ngram_words, tokens.size), np.int64)
    hashes = table_hashes(tokens, places, network.ngram_words, network.ngram_buckets)
    for of_words, (bucket, fingerprint, whole) in zip(codes, hashes, strict=True):
        code = bucket.astype(np.int64) << FINGERPRINT_BITS | fingerprint
        of_words[places[: len(code)][whole]] = code[whole]
    return np.concatenate(codes.reshape(-1, *tokens.shape), axis=1)
