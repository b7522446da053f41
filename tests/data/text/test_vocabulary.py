from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.data.text.vocabulary import (
    RaggedTokens,
    Vocabulary,
    is_unknown,
    joined_tokens,
)
from tests.support.review_samples import index_texts, lists_of, reference_words

TEXTS = st.lists(st.text("abcAB ,", max_size=12), min_size=1, max_size=12)

MANY = [f"w{number}" for number in range(20_000)]

Result = tuple[list[list[int]], list[list[int]], list[str]]


def indexed(train: list[str], test: list[str], rows: int = 4096) -> Result:
    def chunks(texts: list[str]) -> list[pa.Array]:
        return [pa.array(texts[start : start + rows]) for start in range(0, len(texts), rows)]

    result = index_texts(chunks(train), chunks(test))
    train_tokens, test_tokens = (joined_tokens(s.tokens) for s in (result.train, result.test))
    words, hashes = result.vocabulary.words, [*result.train.hashes, *result.test.hashes]
    texts = [tuple(reference_words(text)) for text in (*train, *test)]
    assert len(set(hashes)) == len(set(texts))
    assert len(set(zip(texts, hashes, strict=True))) == len(set(texts))
    assert (len(train_tokens), len(test_tokens)) == (len(train), len(test))
    for tokens in (train_tokens, test_tokens):
        assert tokens.ids.dtype == np.int32
        assert tokens.offsets.dtype == np.int64
    return lists_of(train_tokens), lists_of(test_tokens), words


def reference(train: list[str], test: list[str]) -> Result:
    # Counter keeps the order of first occurrence, and so does most_common among equal counts.
    counts = Counter(word for text in train for word in reference_words(text))
    words = [word for word, _ in counts.most_common()]
    id_of = {word: rank + 3 for rank, word in enumerate(words, start=1)}
    coded = [
        [[1, *(id_of.get(word, 2) for word in reference_words(text))] for text in texts]
        for texts in (train, test)
    ]
    return coded[0], coded[1], words


@given(train=TEXTS, test=TEXTS, rows=st.integers(1, 13))
@example(["late rare often", "often rare once often"], ["once often"], 5)  # equal counts
@example([" ".join(MANY)], [""], 5)  # none is cut
def test_ids_are_those_of_a_plain_count(train: list[str], test: list[str], rows: int) -> None:
    assert indexed(train, test, rows) == reference(train, test)


@given(words=st.lists(st.text(max_size=5), max_size=20, unique=True), num_words=st.integers(4, 30))
def test_known_words_are_those_whose_ids_a_network_has(words: list[str], num_words: int) -> None:
    vocabulary = Vocabulary(words)
    ids = np.arange(len(words) + 5)
    known = [vocabulary.word(token) for token in ids[~is_unknown(ids, num_words)].tolist()]
    assert [word for word in known if word is not None] == vocabulary.known(num_words)
    assert vocabulary.word(len(words) + 4) is None


@given(
    lists=st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=6), skipped=st.integers(0, 6)
)
def test_lists_of_a_slice_are_counted_and_chosen(lists: list[list[int]], skipped: int) -> None:
    tokens = RaggedTokens.of(pa.array(lists, pa.list_(pa.int32())).slice(skipped))
    kept = lists[skipped:]
    assert (len(tokens), lists_of(tokens)) == (len(kept), kept)
    assert tokens.lengths().tolist() == [len(ids) for ids in kept]
    assert tokens.counts(tokens.ids > 4).tolist() == [sum(i > 4 for i in ids) for ids in kept]
    assert lists_of(tokens.where(tokens.ids > 4)) == [[i for i in ids if i > 4] for ids in kept]
