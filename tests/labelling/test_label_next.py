import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.data.text.tokenizer import FIRST_WORD_ID
from tasks.labelling.label_next import back_test, rows_that_teach

LISTS = pa.list_(pa.int32())


def texts_of(words: list[list[int]]) -> pa.ChunkedArray:
    ids = [[1, *(word + FIRST_WORD_ID for word in text)] for text in words]
    return pa.chunked_array([pa.array(ids, LISTS)])


def test_of_equal_texts_one_is_taken_before_the_others() -> None:
    texts = texts_of([[0, 1], [0, 1], [0, 1], [2, 3], [4, 5]])
    sure = np.array([0.5, 0.5, 0.5, 0.6, 0.7])
    chosen = rows_that_teach(np.stack([1 - sure, sure], axis=1), texts, 3)
    assert chosen.tolist() == [0, 3, 4]


def test_the_margin_counts_with_several_labels() -> None:
    texts = texts_of([[0], [1], [2]])
    probabilities = np.array([[0.5, 0.1, 0.4], [0.36, 0.32, 0.32], [0.9, 0.05, 0.05]])
    assert rows_that_teach(probabilities, texts, 2).tolist() == [1, 0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 40))
def test_each_text_is_chosen_once_and_as_many_as_there_are(sure: list[float], rows: int) -> None:
    texts = texts_of([[row % 3] for row in range(len(sure))])
    given_ = np.stack([1 - np.array(sure), sure], axis=1)
    chosen = rows_that_teach(given_, texts, rows).tolist()
    assert len(chosen) == len(set(chosen)) == min(rows, len(sure))
    assert set(chosen) <= set(range(len(sure)))


def reviews_of(seed: int, rows: int) -> tuple[pa.ChunkedArray, np.ndarray]:
    """Return reviews that are mostly of one simple kind, and seldom of one of forty others."""
    random = np.random.default_rng(seed)
    labels = random.integers(2, size=rows)
    kinds = np.where(random.random(rows) < 0.8, 0, random.integers(1, 40, size=rows))
    words = [[90, int(2 * kind + label)] for kind, label in zip(kinds, labels, strict=True)]
    return texts_of(words), labels


def test_what_the_choice_brings_is_measured_on_reviews_held_back() -> None:
    tried = back_test(reviews_of(0, 600), reviews_of(1, 500), 60, "words")
    assert tried is not None
    assert (tried.beginning, tried.rows, tried.judged) == (150, 60, 500)
    # Drawn rows are mostly of the kind that is known; chosen ones are of kinds that are not.
    assert tried.chosen > tried.drawn
    assert tried.low > 0
    assert tried.low < tried.chosen - tried.drawn < tried.high


@pytest.mark.parametrize("rows", [2, 3])
def test_too_few_labelled_reviews_are_not_tried(rows: int) -> None:
    assert back_test(reviews_of(0, rows), reviews_of(1, 50), 10, "words") is None
