import numpy as np

WORDS, BUCKETS = 300, 1 << 16


def hashes(tokens: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Return buckets and fingerprints of all n-grams of padded reviews."""
    import keras

    from tasks.ngram_hashes import ngram_hashes

    source = keras.Input((tokens.shape[1],), dtype="int32")
    model = keras.Model(source, ngram_hashes(source, longest, BUCKETS))
    buckets, fingerprints = model.predict(tokens.astype(np.int32), batch_size=4096, verbose=0)
    return buckets, fingerprints


def test_pairs_of_words_spread_over_the_buckets_and_are_told_apart_by_their_fingerprints() -> None:
    first, second = np.divmod(np.arange(WORDS * WORDS), WORDS)
    buckets, fingerprints = hashes(np.stack([first, second], axis=1) + 4, 2)
    pairs, marks = buckets[:, 2], fingerprints[:, 2]
    assert pairs.min() >= 1
    assert pairs.max() < BUCKETS
    counts = np.bincount(pairs, minlength=BUCKETS)[1:]
    # As many per bucket as by chance: a Poisson distribution has its mean as variance.
    assert 0.9 < counts.var() / counts.mean() < 1.1
    assert marks.max() < 1 << 24
    assert (marks == np.round(marks)).all()
    codes = pairs.astype(np.int64) << 24 | marks.astype(np.int64)
    assert len(np.unique(codes)) == len(codes)


def test_the_order_of_words_and_their_number_matter() -> None:
    buckets, fingerprints = hashes(np.array([[5, 6, 5]]), 3)
    one, two, three, ab, ba, aba = zip(buckets[0], fingerprints[0], strict=True)
    assert one == three
    assert len({one, two, ab, ba, aba}) == 5


def test_an_ngram_is_the_same_wherever_it_stands() -> None:
    buckets, fingerprints = hashes(np.array([[0, 0, 1, 7, 8], [7, 8, 9, 9, 9]]), 2)
    assert (buckets[0, 8], fingerprints[0, 8]) == (buckets[1, 5], fingerprints[1, 5])


def test_padding_start_and_unknown_words_make_no_ngram() -> None:
    buckets, _ = hashes(np.array([[0, 1, 2, 3, 4]]), 2)
    assert buckets[0].tolist()[:4] == [0, 0, 0, 0]
    assert buckets[0, 4] > 0
    assert (buckets[0, 5:] == 0).all()
