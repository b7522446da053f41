from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.data.text.tokenizer import split_words
from tests.support.review_samples import KERAS_FILTERS, reference_words

ALPHABET = KERAS_FILTERS + " \r'abcXYZ0189äÄéÉñÑøØßłŁœŒçÇ“…"


def words_of(texts: pa.Array) -> list[list[str]]:
    words, offsets = split_words(texts)
    assert offsets.dtype == "int64"
    assert (offsets[0], offsets[-1]) == (0, len(words))
    return [words[start:end].to_pylist() for start, end in pairwise(offsets)]


@given(st.lists(st.text(ALPHABET, max_size=30), max_size=8))
@example([])
@example([""])
@example(["...", "\t", "a"])
def test_words_are_those_of_a_plain_python_tokenizer(texts: list[str]) -> None:
    assert words_of(pa.array(texts, pa.string())) == [reference_words(text) for text in texts]


@given(texts=st.lists(st.text("ab .", max_size=6), min_size=1), start=st.integers(0, 9))
def test_a_slice_of_an_array_gives_the_words_of_its_own_texts(texts: list[str], start: int) -> None:
    part = pa.array(texts).slice(start)
    assert words_of(part) == [reference_words(text) for text in texts[start:]]


def test_a_missing_text_counts_as_an_empty_one() -> None:
    assert words_of(pa.array(["good", None, "bad"])) == [["good"], [], ["bad"]]
    assert words_of(pa.nulls(2)) == [[], []]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_every_kind_of_string_is_split_alike(kind: pa.DataType) -> None:
    assert words_of(pa.array(["One<br />two"], kind)) == [["one", "br", "two"]]


def test_words_are_those_of_keras() -> None:
    from keras.src.legacy.preprocessing.text import text_to_word_sequence

    text = "It's a [truly] \\odd\\ film;\tone-of-a-kind...\n9/10 `really` ~5% {of} it_all^2 |Ünd|"
    assert words_of(pa.array([text])) == [text_to_word_sequence(text)]


def test_a_separator_at_the_very_end_of_all_texts_never_joins_a_word() -> None:
    texts = pa.array([*["some words"] * 9, "a,"])
    assert all(words_of(texts)[-1] == ["a"] for _ in range(500))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("정말 좋은 영화였다.", ["정말", "좋은", "영화였다"]),  # Korean, by its spaces
        ("这部电影很好。我喜欢。", ["这部电影很好。我喜欢。"]),  # Chinese has none: one word
        ("这 部 电影 很 好", ["这", "部", "电影", "很", "好"]),  # segmented before
        ("Größe, ÇA VA? Привет!", ["größe", "ça", "va", "привет"]),
        ("¡Qué película!", ["¡qué", "película"]),
        ("Don't 'stop'", ["don't", "'stop'"]),
        ("one\xa0two\x85three four", ["one\xa0two\x85three", "four"]),  # as in Keras
    ],
)
def test_languages_are_split_by_spaces_and_ascii_marks_alone(text: str, words: list[str]) -> None:
    assert words_of(pa.array([text])) == [words]
