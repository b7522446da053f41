"""Compare new training reviews with those that the champion was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.drift_measures import (
    DriftMeasure,
    balance_measure,
    classifier_measure,
    length_measure,
    unknown_measure,
    word_measure,
)
from tasks.review_profile import ReviewProfile, review_profile, sampled_rows
from tasks.seeds import generator
from tasks.tokenize_text import FIRST_WORD_OFFSET
from tasks.two_sample_test import two_sample_test
from tasks.word_index import RaggedTokens, sequence_hashes
from tasks.word_stability import word_stability

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import numpy as np
    import scipy.sparse as sp

    from tasks.drift_config import DriftConfig

_FIRST_WORD = FIRST_WORD_OFFSET + 1


@dataclass(frozen=True)
class IndexedReviews:
    """Reviews as the `load` step keeps them: both sets, their sizes, and the words by rank."""

    train: Path
    test: Path
    train_rows: int
    test_rows: int
    words: list[str]


def compare_data(
    champion: IndexedReviews, new: IndexedReviews, num_words: int, config: DriftConfig
) -> list[DriftMeasure]:
    """Return all measures of the new training reviews against the champion's.

    Both were numbered by different word lists, so that they are compared by their words. For
    lengths, unknown words and labels all reviews are read, batch by batch; for the words a sample.

    Args:
        champion: Of the champion; its test reviews tell how many unknown words it is used to.
        new: Of the run that is about to train.
        num_words: Size of the champion's vocabulary, with the reserved ids.
        config: Bounds, sample and seed.
    """
    known = champion.words[: num_words - _FIRST_WORD]
    theirs, ours = _is_known(champion.words, known), _is_known(new.words, known)
    before, now = _trained(champion, theirs, config), _trained(new, ours, config)
    no_sample = sampled_rows(champion.test_rows, 0, generator(config.seed, "no sample"))
    tested = review_profile(champion.test, theirs, no_sample)
    samples = [before.sample, _by_the_words_of(champion.words, new.words, now.sample)]
    counts, teaches = _word_counts(samples), _teaches(samples)
    is_second = _is_second(samples)
    random = generator(config.seed, "words change sets")
    return [
        length_measure(before.lengths, now.lengths, config),
        unknown_measure((tested.unknown, tested.lengths), (now.unknown, now.lengths), config),
        balance_measure(before.labels, now.labels, config),
        word_measure(*word_stability(counts, is_second, random), config),
        classifier_measure(two_sample_test(counts, is_second, teaches), config),
    ]


def _trained(reviews: IndexedReviews, is_known: np.ndarray, config: DriftConfig) -> ReviewProfile:
    random = generator(config.seed, "drift sample")
    return review_profile(
        reviews.train, is_known, sampled_rows(reviews.train_rows, config.sample, random)
    )


def _is_known(words: list[str], known: Collection[str]) -> np.ndarray:
    """Return for each token id of an index of `words` whether its word is among `known`."""
    import numpy as np

    found = set(known)
    return np.asarray([False] * _FIRST_WORD + [word in found for word in words], bool)


def _by_the_words_of(champions: list[str], words: list[str], tokens: RaggedTokens) -> RaggedTokens:
    """Return tokens with the ids of the champion's index, and further ids for other words."""
    import numpy as np

    ids = {word: number for number, word in enumerate(champions, start=_FIRST_WORD)}
    joint = [ids.setdefault(word, len(ids) + _FIRST_WORD) for word in words]
    id_of_id = np.asarray([*range(_FIRST_WORD), *joint], np.int32)
    return RaggedTokens(id_of_id[tokens.ids], tokens.offsets)


def _word_counts(samples: list[RaggedTokens]) -> sp.csr_matrix:
    """Return how often each id occurs in each review of both samples, one after the other."""
    import numpy as np
    import scipy.sparse as sp

    width = 1 + max(int(tokens.ids.max(initial=0)) for tokens in samples)
    parts = [
        sp.csr_matrix(
            (np.ones(len(tokens.ids), np.float32), tokens.ids, tokens.offsets),
            (len(tokens), width),
        )
        for tokens in samples
    ]
    counts = sp.vstack(parts, format="csr")
    counts.sum_duplicates()
    return counts


def _teaches(samples: list[RaggedTokens]) -> np.ndarray:
    """Return for each review whether it is in the half that its words put it in."""
    import numpy as np

    hashes = [one for tokens in samples for one in sequence_hashes(tokens.ids, tokens.offsets)]
    return np.asarray([digest[0] % 2 == 0 for digest in hashes], bool)


def _is_second(samples: list[RaggedTokens]) -> np.ndarray:
    import numpy as np

    return np.repeat([False, True], [len(tokens) for tokens in samples])
