import os
import subprocess
import sys
import unicodedata
from importlib.metadata import PackageNotFoundError
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.common.errors import MissingExtraError
from tasks.config.training import TextConfig, TokenizerName
from tasks.data.text import tokenization
from tasks.data.text.corpus import TokenizedSource, by_vocabulary
from tasks.data.text.tokenization import Tokenization
from tasks.data.text.tokenizer import FIRST_WORD_ID, normalized, split_characters
from tasks.data.text.vocabulary import Vocabulary, joined_tokens
from tests.support.review_samples import coded_texts, index_texts, lists_of

ANY_TEXT = st.text(st.characters(exclude_categories=("Cn", "Cs")), max_size=40)
FEW = st.text("abc 가각,.\u3000\uff21B", max_size=20)
TEXTS = st.lists(st.one_of(ANY_TEXT, FEW), min_size=1, max_size=8)

TRAIN = ["the film was good, the film", "the films were good.", "정말 좋은 영화", "좋았다 영화가"]

NEW = ["the goods", "좋은가", "\u1112\u1161\u11ab", "unknown ✓", ""]


def learned(tokenizer: TokenizerName, train: list[str], test: list[str]) -> TokenizedSource:
    text = TextConfig(tokenizer=tokenizer, num_words=100)
    return index_texts([pa.array(train)], [pa.array(test)], Tokenization.of(text))


def reference_normalized(text: str) -> str:
    lowered = "".join(one.lower()[0] for one in unicodedata.normalize("NFKC", text))
    controls = dict.fromkeys([*range(33), 127], " ")
    return " ".join(part for part in lowered.translate(controls).split(" ") if part)


@given(TEXTS)
@example(["İΣ\x00\x85x", "\u00a0a\u2028b"])
def test_texts_are_brought_to_one_form(texts: list[str]) -> None:
    assert normalized(pa.array(texts)).to_pylist() == [reference_normalized(one) for one in texts]


@given(TEXTS)
def test_characters_give_the_text_back(texts: list[str]) -> None:
    names, offsets = split_characters(pa.array(texts))
    found = names.to_pylist()
    again = ["".join(found[a:b]) for a, b in pairwise(offsets)]
    assert again == normalized(pa.array(texts)).to_pylist()


@pytest.mark.parametrize("tokenizer", ["words", "characters", "subwords"])
@given(train=TEXTS, test=TEXTS)
@example(train=TRAIN, test=NEW)
@example(train=["a"], test=["b"])
@example(train=["▁a \ufffd", "a"], test=["▁", "▁a", "a▁", "\ufffd"])
def test_a_vocabulary_that_was_read_gives_the_ids_of_the_training(
    tmp_path_factory: pytest.TempPathFactory,
    tokenizer: TokenizerName,
    train: list[str],
    test: list[str],
) -> None:
    source = learned(tokenizer, train, test)
    file = tmp_path_factory.mktemp("read") / "vocabulary.json"
    source.vocabulary.write(file)
    read = Vocabulary.read(file)
    assert (read.words, read.tokenizer) == (source.vocabulary.words, tokenizer)
    for texts, reviews in ((train, source.train), (test, source.test)):
        expected = lists_of(joined_tokens(reviews.tokens))
        assert lists_of(read.tokens([pa.array(texts)])) == expected
        assert reviews.lengths.tolist() == [len(ids) for ids in expected]
        coded, words = coded_texts(texts, tokenizer)
        assert lists_of(joined_tokens(by_vocabulary(read, coded, words).tokens)) == expected
        if tokenizer != "words":
            known = [ids for ids in expected if 2 not in ids]
            joined = [read.joined(map(str, map(read.word, ids[1:]))).strip(" ") for ids in known]
            shown = zip(normalized(pa.array(texts)).to_pylist(), expected, strict=True)
            assert joined == [text for text, ids in shown if 2 not in ids]


@given(TEXTS)
def test_a_review_has_the_same_hash_whatever_the_tokens_are(texts: list[str]) -> None:
    hashes = [learned(one, texts, ["x"]).train for one in ("words", "characters", "subwords")]
    assert len({reviews.fingerprint for reviews in hashes}) == 1


def test_subwords_split_what_is_new_into_parts_that_were_learned() -> None:
    vocabulary = learned("subwords", TRAIN, NEW).vocabulary
    assert len(vocabulary.words) <= 100 - FIRST_WORD_ID
    parts = [vocabulary.word(token) for token in vocabulary.tokens([pa.array(NEW)]).ids[1:]]
    assert parts[:3] == ["▁the", "▁good", "s"]
    assert not any("," in word and len(word) > 1 for word in vocabulary.words)


def test_rare_characters_are_unknown_where_there_are_more_than_pieces() -> None:
    many = [chr(0x4E00 + number) for number in range(300)]
    source = learned("subwords", ["".join(many[:40]) * 3, "".join(many)], ["x"])
    assert len(source.vocabulary.words) <= 100 - FIRST_WORD_ID
    assert set(many[:40]) <= set(source.vocabulary.words)
    assert 2 in lists_of(joined_tokens(source.train.tokens))[1]


def test_subwords_are_the_same_in_another_process() -> None:
    chance = np.random.default_rng(0)
    letters = [*"abcdefgh", *(chr(0xAC00 + number) for number in range(200))]
    texts = [" ".join("".join(chance.choice(letters, 3)) for _ in range(20)) for _ in range(60)]
    code = (
        "import sys\n"
        "from tasks.data.text.subwords import learn_subwords\n"
        "print(learn_subwords([sys.argv[1:]], sorted(set(''.join(sys.argv[1:]))), 96))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code, *texts],
            env=os.environ | {"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, threads in (("1", "1"), ("2", "4"))
    }
    assert len(found) == 1
    assert "▁" in found.pop()


def test_another_vocabulary_reads_the_texts_of_subwords() -> None:
    ours, theirs = (learned("subwords", texts, NEW) for texts in (TRAIN, [*NEW, "ood movie"]))
    tokens = joined_tokens(ours.train.tokens)
    words = tokens.where(tokens.ids != 1)
    expected = theirs.vocabulary.tokens([pa.array(TRAIN)])
    found = ours.vocabulary.read_by(theirs.vocabulary, words).with_start_ids()
    assert lists_of(found) == lists_of(expected)


def test_subwords_without_their_library_are_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(tokenization, "version", missing)
    assert Tokenization.of(TextConfig(tokenizer="characters")).pieces is None
    with pytest.raises(MissingExtraError, match=r"\[subwords\]"):
        Tokenization.of(TextConfig(tokenizer="subwords"))
