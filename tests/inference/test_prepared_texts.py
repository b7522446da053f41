import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.config.training import TextConfig
from tasks.data.text.padding import pad_tokens
from tasks.data.text.vocabulary import Vocabulary, joined_tokens
from tasks.inference.predictor import prepare_texts
from tests.support.review_samples import index_texts, reference_words

HTML = "<p class='x'>It&#39;s <b>GREAT</b><br /><br/>&nbsp;10/10</p><script>alert(1)</script>"

EMOJI = "👍🏽 loved it 👨\u200d👩\u200d👧 🏳️\u200d🌈 ❤️‼️"

CONTROLS = "".join(map(chr, range(32))) + "a\x7f\x80\x9fb\u2028c\u202ed\ufeffe\x00f"

LANGUAGES = "정말 좋은 영화였다. 很好看的电影 İstanbul ΣΊΣΥΦΟΣ straße ﬁn Ǆ ẞ"

PIECES = st.sampled_from([HTML, EMOJI, CONTROLS, LANGUAGES, "a fine film", "\r\n", "\x00"])

TEXTS = st.lists(st.one_of(st.text(max_size=40), PIECES), min_size=1, max_size=8)


def require_read_as_test_reviews(train: list[str], asked: list[str], text: TextConfig) -> None:
    indexed = index_texts([pa.array(train)], [pa.array(asked)])
    prepared = prepare_texts(pa.array(asked), Vocabulary(indexed.vocabulary.words), text)
    expected = pad_tokens(joined_tokens(indexed.test.tokens), text)
    np.testing.assert_array_equal(prepared.tokens, expected)
    assert prepared.words.tolist() == [len(reference_words(words)) for words in asked]


@given(
    train=TEXTS,
    asked=TEXTS,
    num_words=st.integers(4, 30),
    maxlen=st.integers(1, 12),
    padding=st.sampled_from(["pre", "post"]),
    truncating=st.sampled_from(["pre", "middle", "post"]),
)
@example([HTML, EMOJI], [CONTROLS, LANGUAGES], 10, 5, "pre", "pre")
@example([HTML, EMOJI], [CONTROLS, LANGUAGES], 10, 5, "pre", "middle")
def test_a_text_becomes_the_same_numbers_as_if_it_had_been_a_test_review(
    train: list[str], asked: list[str], num_words: int, maxlen: int, padding: str, truncating: str
) -> None:
    sides = {"padding": padding, "truncating": truncating, "head": 2}
    text = TextConfig.model_validate({"num_words": num_words, "maxlen": maxlen} | sides)
    require_read_as_test_reviews(train, asked, text)


def test_words_seen_cut_and_unknown_are_counted() -> None:
    texts = pa.array(["good", "", None, "film film film odd good"])
    text = TextConfig(num_words=5, maxlen=4)
    prepared = prepare_texts(texts, Vocabulary(["good", "film"]), text)
    assert prepared.words.tolist() == [1, 0, 0, 5]
    assert prepared.used.tolist() == [1, 0, 0, 4]
    assert prepared.unknown.tolist() == [0, 0, 0, 4]


@pytest.mark.parametrize("piece", [HTML, EMOJI, CONTROLS, LANGUAGES, "x", " "])
def test_a_text_of_a_megabyte_is_read_as_in_training(piece: str) -> None:
    text = piece * ((1 << 20) // len(piece.encode()))
    config = TextConfig(num_words=50, maxlen=200)
    require_read_as_test_reviews([text[:1000]], [text, "short"], config)
