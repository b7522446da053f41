"""Number the word n-grams of padded reviews inside a network.

Plain Keras operations, so that a network keeps taking token ids and its file needs no code of this
project. An n-gram is known by 44 bits of a hash: 20 or so choose its bucket in a table, 24 are its
fingerprint, by which the table tells it from others of that bucket.
"""

import keras
from keras import layers, ops

from tasks.data.text.tokenizer import FIRST_WORD_ID
from tasks.model.ngrams.table import (
    BUCKET_FOLD,
    BUCKET_MIX,
    FINGERPRINT_BITS,
    FINGERPRINT_FOLD,
    FINGERPRINT_MIX,
    POSITIVE,
    STEP,
    STEP_FOLD,
)


def ngram_hashes(
    tokens: keras.KerasTensor, longest: int, buckets: int
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return bucket (int32, 0 for none) and fingerprint (float32) of all n-grams of each review.

    Both have the shape (n, number of n-grams), for int32 tokens of shape (n, maxlen). An n-gram has
    1 to `longest` words; one with padding, the start of the review or an unknown word is none.
    `buckets` is the size of the table, bucket 0 included.
    """
    maxlen = tokens.shape[1]
    hashes, whole = [], []
    for words in range(1, longest + 1):
        windows = [tokens[:, place : maxlen - words + 1 + place] for place in range(words)]
        mixed = ops.zeros_like(windows[0]) + words
        for window in windows:
            mixed = _spread(ops.bitwise_xor(mixed, window) * STEP, STEP_FOLD)
        hashes.append(mixed)
        fewest = windows[0]
        for window in windows[1:]:
            fewest = ops.minimum(fewest, window)
        whole.append(ops.cast(fewest >= FIRST_WORD_ID, "int32"))
    mixed = ops.concatenate(hashes, axis=1)
    bucket = ops.mod(_spread(mixed * BUCKET_MIX, BUCKET_FOLD), buckets - 1) + 1
    fingerprint = ops.mod(_spread(mixed * FINGERPRINT_MIX, FINGERPRINT_FOLD), 1 << FINGERPRINT_BITS)
    return (
        layers.Identity(name="bucket")(bucket * ops.concatenate(whole, axis=1)),
        layers.Identity(name="fingerprint")(ops.cast(fingerprint, "float32")),
    )


def _spread(hashes: keras.KerasTensor, bits: int) -> keras.KerasTensor:
    """Fold the high bits, which a product mixes best, into the low ones; none is negative."""
    positive = ops.mod(hashes, POSITIVE)
    return ops.bitwise_xor(positive, ops.right_shift(positive, ops.full_like(hashes, bits)))


def ending(ngrams: keras.KerasTensor, maxlen: int, longest: int, tail: int) -> keras.KerasTensor:
    """Return those of all n-grams that lie in the last `tail` tokens, in the same order.

    `ngrams` has one number for each, in the order of `ngram_hashes`, shape (n, all). `tail` is at
    least `longest`.
    """
    parts, end = [], 0
    for words in range(1, longest + 1):
        end += maxlen - words + 1
        parts.append(ngrams[:, end - (tail - words + 1) : end])
    return ops.concatenate(parts, axis=1)


def distinct(numbers: keras.KerasTensor) -> keras.KerasTensor:
    """Return the numbers of each row sorted, repeated ones as 0; int32 of the same shape."""
    ordered = ops.sort(numbers, axis=1)
    first = ops.ones_like(ordered[:, :1])
    changed = ops.cast(ops.not_equal(ordered[:, 1:], ordered[:, :-1]), "int32")
    return ordered * ops.concatenate([first, changed], axis=1)
