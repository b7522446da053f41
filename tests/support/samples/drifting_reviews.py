"""Made-up reviews that drift from one another in one respect at a time."""

from pathlib import Path
from typing import Any

import numpy as np

from tasks.config.training import DataConfig
from tasks.data.load import load_reviews
from tasks.data.text.tokenization import BY_WORDS, Tokenization
from tasks.data.text.vocabulary import Vocabulary
from tasks.drift.compare import IndexedReviews
from tests.support.review_samples import source_of, write_reviews

WORDS = [f"word{number}" for number in range(400)]


def write_drifting(
    path: Path,
    seed: int,
    *,
    rows: int = 500,
    length: int = 30,
    ones: float = 0.5,
    prefer: int = 0,
    new_words: float = 0.0,
) -> Path:
    """Write reviews of `length` words on average, with words of falling frequency.

    `ones` is the share of the label `good`; so many `prefer` words are used thrice as often as
    elsewhere, and `new_words` is the share of the words that no other reviews have.
    """
    random = np.random.default_rng(seed)
    shares = 1 / np.arange(3, 3 + len(WORDS))
    shares[10 : 10 + prefer] *= 3
    shares /= shares.sum()
    labels = np.where(np.arange(rows) < ones * rows, "good", "bad")
    reviews = []
    for label in labels.tolist():
        words = random.choice(WORDS, max(5, random.poisson(length)), p=shares)
        is_new = random.random(len(words)) < new_words
        chosen = np.where(is_new, random.choice([f"new{n}" for n in range(50)], len(words)), words)
        reviews.append((" ".join(chosen.tolist()), label))
    return write_reviews(path, reviews)


def load_drifting(
    folder: Path, seed: int, tokenization: Tokenization = BY_WORDS, **changes: Any
) -> IndexedReviews:
    """Write reviews, run the `load` step on them, and return what it left."""
    folder.mkdir(parents=True)
    file = write_drifting(folder / "reviews.csv", seed, **changes)
    load_reviews(source_of("files", train=file), DataConfig(), folder, tokenization)
    return IndexedReviews(
        train=folder / "train.parquet",
        test=folder / "test.parquet",
        vocabulary=Vocabulary.read(folder / "vocabulary.json"),
    )
