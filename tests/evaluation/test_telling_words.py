import numpy as np
import pytest

from tasks.data.text.tokenizer import FIRST_WORD_ID
from tasks.data.text.vocabulary import RaggedTokens
from tasks.evaluation.telling_words import share_of_ids, telling_words
from tests.support.review_samples import ragged

WORDS = 60

CODE = WORDS

DIGIT = 7
"""A word that is as frequent in the texts of all labels."""


def made_reviews(
    seed: int, rows: int = 400, labels: int = 2, length: int = 12
) -> tuple[list[list[int]], np.ndarray]:
    """Return reviews in which each label has some words more often than others."""
    random = np.random.default_rng(seed)
    given = random.integers(labels, size=rows)
    chances = random.dirichlet(np.full(WORDS, 2.0), labels)
    texts = [
        random.choice(WORDS, length, p=0.7 / WORDS + 0.3 * chances[label]).tolist()
        for label in given
    ]
    return texts, given


def tokens_of(texts: list[list[int]]) -> RaggedTokens:
    return ragged([[1, *(word + FIRST_WORD_ID for word in text)] for text in texts])


def found_in(
    texts: list[list[int]], labels: np.ndarray, known: int = 300
) -> dict[str, object] | None:
    learned, judged = tokens_of(texts[:known]), tokens_of(texts[known:])
    parts = labels[:known], labels[known:]
    return telling_words(
        learned, parts[0], judged, parts[1], lambda token: f"w{token - FIRST_WORD_ID}"
    )


@pytest.mark.parametrize("labels", [2, 5])
def test_no_word_of_a_hundred_clean_tables_is_taken_for_a_leak(labels: int) -> None:
    assert [found_in(*made_reviews(seed, labels=labels)) for seed in range(50)] == [None] * 50


@pytest.mark.parametrize("labels", [2, 5])
@pytest.mark.parametrize("share", [0.6, 1.0])
def test_a_word_that_stands_for_a_label_is_found_with_what_it_brings(
    labels: int, share: float
) -> None:
    texts, given = made_reviews(0, 2400, labels)
    random = np.random.default_rng(1)
    for text, label in zip(texts, given, strict=True):
        if label == 1 and random.random() < share:
            text.insert(int(random.integers(len(text))), CODE)
    found = found_in(texts, given, 2000)
    assert found is not None
    (word,) = found["words"]  # type: ignore[misc]
    assert (word["word"], word["label"], word["place"]) == (f"w{CODE}", 1, "anywhere")  # type: ignore[has-type]
    assert word["recall"] == pytest.approx(share, abs=0.06)  # type: ignore[has-type]
    assert word["precision"] == 1.0  # type: ignore[has-type]
    assert found["accuracy"] > found["accuracy_without"] + 0.02  # type: ignore[operator]


@pytest.mark.parametrize(("place", "at"), [("first", 0), ("last", 99)])
def test_a_frequent_word_tells_by_its_place_alone(place: str, at: int) -> None:
    texts, given = made_reviews(0, 2400)
    for text, label in zip(texts, given, strict=True):
        text.insert(5, DIGIT)
        text.insert(at, DIGIT + 1 - label)
    found = found_in(texts, given, 2000)
    assert found is not None
    words = {(word["word"], word["place"], word["label"]) for word in found["words"]}  # type: ignore[attr-defined]
    assert (f"w{DIGIT}", place, 1) in words
    assert found["accuracy"] > 0.97  # type: ignore[operator]


def test_texts_with_one_word_of_their_own_look_like_ids() -> None:
    ids = tokens_of([[0, 1, 10 + row] for row in range(50)])
    assert share_of_ids(ids) == 1.0
    assert share_of_ids(tokens_of(made_reviews(0)[0])) == 0.0
    assert share_of_ids(tokens_of([[1, 2, 3, 4, 10 + row] for row in range(50)])) == 0.0
