"""Compare new training reviews with those that the champion was trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tasks.common.seeds import generator
from tasks.config.drift import DriftConfig
from tasks.data.review_files import count_reviews, read_column, read_labels, read_parquet
from tasks.data.text.corpus import distinct_reviews, occurrences_in
from tasks.data.text.tokenizer import FIRST_WORD_ID, START_ID
from tasks.data.text.vocabulary import (
    RaggedTokens,
    Vocabulary,
    is_unknown,
    joined_tokens,
    sequence_hashes,
    with_values,
)
from tasks.drift.measures import balance_measure, length_measure, measure, unknown_measure
from tasks.drift.report import DriftMeasure
from tasks.drift.stability import word_stability
from tasks.drift.two_sample import two_sample_test
from tasks.model.ngrams.counts import token_counts

_LABEL_BITS = np.uint64(7)


@dataclass(frozen=True)
class IndexedReviews:
    """Reviews as the `load` step keeps them: both sets, and the words that number them."""

    train: Path
    test: Path
    vocabulary: Vocabulary


@dataclass(frozen=True)
class ReviewProfile:
    """Numbers of n reviews, and the words of some of them.

    `lengths` and `unknown` count the words of each review and those that the champion does not
    know, int64 of shape (n,); `labels` are numbers from 0 on, int8 of shape (n,). `sample` has the
    token ids of the sampled reviews, without start ids.
    """

    lengths: np.ndarray
    unknown: np.ndarray
    labels: np.ndarray
    sample: RaggedTokens


def new_reviews(champion: IndexedReviews, new: IndexedReviews) -> np.ndarray:
    """Return which training reviews of `new` are none of the champion's, bool of shape (n,).

    A review with the same words and another label is a new one.
    """
    ours, *theirs = (
        read_column(file, "text_hash") << _LABEL_BITS | read_labels(file).astype(np.uint64)
        for file in (new.train, champion.train, champion.test)
    )
    return ~occurrences_in(distinct_reviews(np.concatenate(theirs)), ours)


def compare_data(
    champion: IndexedReviews,
    new: IndexedReviews,
    is_new: np.ndarray,
    num_words: int,
    config: DriftConfig,
) -> list[DriftMeasure]:
    """Return all measures of the training reviews that are new against the champion's.

    `is_new`, bool of shape (n,), marks at least one of those of `new`.

    Both were numbered by different vocabularies, so that they are compared by their words. For
    lengths, unknown words and labels all reviews are read, batch by batch; for the words a sample.

    The test reviews of the champion tell how many unknown words it is used to. `num_words` is the
    size of its vocabulary, with the reserved ids.
    """
    before = review_profile(champion.train, num_words, config=config)
    read_anew = _by_the_words_of(champion.vocabulary, new.vocabulary)
    now = review_profile(new.train, num_words, is_new, config, read_anew)
    tested = review_profile(champion.test, num_words)
    samples = [before.sample, now.sample]
    both = joined_tokens(samples)
    counts = token_counts(both, 1 + int(both.ids.max(initial=0)), np.float32)
    # A review is in the half that its words put it in.
    teaches = np.asarray([digest[0] % 2 == 0 for digest in sequence_hashes(both)], bool)
    is_second = np.repeat([False, True], [len(tokens) for tokens in samples])
    by_words = word_stability(counts, is_second, generator(config.seed, "words change sets"))
    told_apart, level = two_sample_test(counts, is_second, teaches), config.level
    return [
        length_measure(before.lengths, now.lengths, config),
        unknown_measure((tested.unknown, tested.lengths), (now.unknown, now.lengths), config),
        balance_measure(before.labels, now.labels, config),
        measure("words", "stability index of the words", by_words, config.largest_word_psi, level),
        measure(
            "classifier",
            "ROC AUC of telling both sets apart",
            told_apart,
            config.largest_auc,
            level,
        ),
    ]


def review_profile(
    file: Path,
    num_words: int,
    rows: np.ndarray | None = None,
    config: DriftConfig | None = None,
    read_anew: Callable[[RaggedTokens], RaggedTokens] | None = None,
) -> ReviewProfile:
    """Return the profile of some reviews of a Parquet file as the `load` step writes them.

    `num_words` is the size of the champion's vocabulary; `rows`, bool of shape (n,), tells which
    reviews are meant, by default all. The sample is that of the config, by default none.
    `read_anew` gives tokens the champion's ids, where they have others.
    """
    rows = np.ones(count_reviews(file), bool) if rows is None else rows
    sampled = _sampled(rows, config)
    lengths, unknown, labels, sample = [], [], [], []
    for batch, masks in with_values(read_parquet(file), np.stack([rows, sampled], axis=1)):
        meant, chosen = masks.T
        tokens = RaggedTokens.of(batch["tokens"])
        words = tokens.where(tokens.ids != START_ID)
        words = read_anew(words) if read_anew else words
        lengths.append(words.lengths()[meant])
        unknown.append(words.counts(is_unknown(words.ids, num_words))[meant])
        labels.append(batch["label"].to_numpy()[meant])
        sample.append(words.take(np.flatnonzero(chosen)))
    return ReviewProfile(
        lengths=np.concatenate(lengths),
        unknown=np.concatenate(unknown),
        labels=np.concatenate(labels),
        sample=joined_tokens(sample),
    )


def _sampled(rows: np.ndarray, config: DriftConfig | None) -> np.ndarray:
    """Return a mask that marks a sample of the marked rows, or all if there are fewer."""
    mask = np.zeros(len(rows), bool)
    if config is not None:
        random = generator(config.seed, "drift sample")
        mask[random.permutation(np.flatnonzero(rows))[: config.sample]] = True
    return mask


def _by_the_words_of(
    champions: Vocabulary, vocabulary: Vocabulary
) -> Callable[[RaggedTokens], RaggedTokens]:
    """Return what gives tokens the champion's ids, and further ids for other words."""
    if champions.tokenizer == "subwords":
        return partial(vocabulary.read_by, champions)
    ids = {word: number for number, word in enumerate(champions.words, start=FIRST_WORD_ID)}
    joint = [ids.setdefault(word, len(ids) + FIRST_WORD_ID) for word in vocabulary.words]
    id_of_id = np.asarray([*range(FIRST_WORD_ID), *joint], np.int32)
    return lambda tokens: RaggedTokens(id_of_id[tokens.ids], tokens.offsets)
