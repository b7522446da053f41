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
from tasks.model.ngram_counts import NgramCounts
from tasks.model.ngrams import FINGERPRINT_BITS, distinct, ending, ngram_hashes

_EMPTY = -1.0
"""Fingerprint of a bucket that holds no n-gram."""

_REVIEWS_AT_ONCE = 1024


def build_ngram_bag(num_words: int, maxlen: int, network: NgramBagConfig) -> keras.Model:  # noqa: ARG001 - all networks are built alike
    """Return the uncompiled network; `prepare_ngram_bag` has to fill its tables.

    Input int32 (batch, maxlen), output float32 (batch, 1), the probability of label 1. Three
    tables have one number per bucket: the fingerprint of the n-gram that the bucket holds, its
    ratio, and its learned weight, which begins at 0. With `ngram_tail` a fourth one has weights
    that count in addition where the n-gram is among the last tokens, since reviews tend to end
    with their verdict.
    """

    def table(name: str, start: float, *, learned: bool) -> keras.layers.Embedding:
        first = keras.initializers.Constant(start)
        return layers.Embedding(
            network.ngram_buckets, 1, embeddings_initializer=first, trainable=learned, name=name
        )

    tokens = keras.Input((maxlen,), dtype="int32", name="tokens")
    buckets, fingerprints = ngram_hashes(tokens, network.ngram_words, network.ngram_buckets)
    held = ops.squeeze(table("fingerprints", _EMPTY, learned=False)(buckets), axis=-1)
    known = buckets * ops.cast(ops.equal(held, fingerprints), "int32")
    ratios = table("ratios", 0.0, learned=False)

    def evidence(ngrams: keras.KerasTensor, name: str) -> keras.KerasTensor:
        present = distinct(ngrams)
        return ops.sum(ratios(present) * table(name, 0.0, learned=True)(present), axis=1)

    logit = evidence(known, "weights")
    if network.ngram_tail:
        last = ending(known, maxlen, network.ngram_words, network.ngram_tail)
        logit = logit + evidence(last, "tail_weights")
    # Only its bias is used, and not learned: the ratio of the labels.
    probability = layers.Dense(
        1, "sigmoid", kernel_initializer="ones", trainable=False, name="probability"
    )
    return keras.Model(tokens, probability(logit), name="ngram_bag")


def prepare_ngram_bag(
    model: keras.Model, parts: Iterable[tuple[np.ndarray, np.ndarray]], network: NgramBagConfig
) -> None:
    """Fill the tables of fingerprints and ratios, and the bias, from the training reviews.

    `parts` are padded tokens of shape (n, maxlen) and labels of shape (n, 1), part by part.
    """
    hashes = keras.Model(
        model.input, [model.get_layer(name).output for name in ("bucket", "fingerprint")]
    )
    counts = NgramCounts()
    of_label = np.zeros(2, np.int64)
    for tokens, labels in parts:
        starts = range(0, len(tokens), _REVIEWS_AT_ONCE)
        codes = [_codes(hashes, tokens[start : start + _REVIEWS_AT_ONCE]) for start in starts]
        counts.add(np.concatenate(codes), labels[:, 0])
        of_label += np.bincount(labels[:, 0].astype(np.int64), minlength=2)
    buckets = counts.codes >> FINGERPRINT_BITS
    kept, ratios = counts.table(buckets, network.ngram_least_reviews, network.ngram_smoothing)
    rows = kept >> FINGERPRINT_BITS
    for name, values in (
        ("fingerprints", kept & ((1 << FINGERPRINT_BITS) - 1)),
        ("ratios", ratios),
    ):
        layer = model.get_layer(name)
        (filled,) = layer.get_weights()
        filled[rows, 0] = values
        layer.set_weights([filled])
    bias = np.log(of_label[1] / of_label[0]).astype(np.float32)
    model.get_layer("probability").set_weights([np.ones((1, 1), np.float32), bias[None]])


def _codes(hashes: keras.Model, tokens: np.ndarray) -> np.ndarray:
    """Return bucket and fingerprint of each n-gram in one int64, 0 for none, shape (n, all)."""
    # Not by `predict`, which has each of several devices compute all reviews.
    bucket, fingerprint = (np.asarray(part).astype(np.int64) for part in hashes(tokens))
    return np.where(bucket > 0, bucket << FINGERPRINT_BITS | fingerprint, 0)
