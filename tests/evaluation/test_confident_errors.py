from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config.training import TextConfig
from tasks.data.review_files import write_parquet
from tasks.data.text.padding import pad_tokens
from tasks.data.text.vocabulary import Vocabulary
from tasks.evaluation.confident_errors import confident_errors, error_ngrams, shown_words
from tasks.evaluation.slices import Predictions
from tasks.model.answers import answers
from tasks.model.network import folded_network, ngram_table
from tasks.model.ngrams.table import WordParts
from tests.model.ngrams.test_table import trained
from tests.support.review_samples import ragged, review_batch

WORDS = Vocabulary([f"word{rank}" for rank in range(1, 40)])

TEXT = TextConfig(num_words=10, maxlen=4)


def predicted(labels: np.ndarray, probability: np.ndarray) -> Predictions:
    """Return predictions of reviews that are numbered from 0 on."""
    numbers = np.arange(len(labels))
    lengths, unknown = np.full(len(labels), 2), np.zeros(len(labels), int)
    return Predictions(numbers, labels, probability, lengths, unknown, text_hash=numbers)


def test_cut_unknown_and_seen_words_are_told_apart() -> None:
    shown = shown_words([1, 4, 5, 6, 30, 2, 7], WORDS, TEXT)
    assert shown["not_shown"] == 0
    assert shown["parts"] == [
        {"kind": "cut", "text": "word1 word2"},
        {"kind": "seen", "text": "word3"},
        {"kind": "unknown", "text": "word27 [?]"},
        {"kind": "seen", "text": "word4"},
    ]


def test_far_cut_words_are_counted_only_on_either_side() -> None:
    tokens = [1] + [4] * 103
    pre = shown_words(tokens, WORDS, TEXT)
    post = shown_words(tokens, WORDS, TextConfig(num_words=10, maxlen=4, truncating="post"))
    assert pre["not_shown"] == post["not_shown"] == 40
    assert [part["kind"] for part in pre["parts"]] == ["cut", "seen"]
    assert [part["kind"] for part in post["parts"]] == ["seen", "cut"]


def test_words_cut_in_the_middle_are_shown_next_to_both_ends() -> None:
    text = TextConfig(num_words=10, maxlen=4, truncating="middle", head=3)
    shown = shown_words([1, 4, 5, *[6] * 150, 7], WORDS, text)
    assert shown["not_shown"] == 30
    assert [part["kind"] for part in shown["parts"]] == ["seen", "cut", "seen"]
    assert shown["parts"][1]["text"] == " ".join(["word3"] * 60 + ["…"] + ["word3"] * 60)
    assert (shown["parts"][0]["text"], shown["parts"][2]["text"]) == ("word1 word2", "word4")


@given(
    st.lists(st.integers(4, 42), min_size=1, max_size=30),
    st.sampled_from(["pre", "middle", "post"]),
    st.integers(1, 5),
)
def test_seen_words_are_those_that_the_network_gets(ids: list[int], cut: str, head: int) -> None:
    text = TextConfig.model_validate(
        {"num_words": 20, "maxlen": 6, "truncating": cut, "head": head}
    )
    tokens = [1, *ids]
    (padded,) = pad_tokens(ragged([tokens]), text).tolist()
    expected = [WORDS.word(token) for token in padded if token > 3]
    parts = shown_words(tokens, WORDS, text)["parts"]
    assert [word for p in parts if p["kind"] == "seen" for word in p["text"].split()] == expected


def test_the_worst_errors_come_first_with_their_own_words(tmp_path: Path) -> None:
    file = tmp_path / "test.parquet"
    write_parquet(file, [review_batch([[1, 4 + row] for row in range(5)])], {}, 2)
    probability = np.array([0.7, 0.9, 0.99, 0.2, 0.1], np.float32)
    predictions = predicted(np.array([0, 1, 0, 1, 0]), probability)
    errors = confident_errors(predictions, answers(predictions.probability), file, WORDS, TEXT)
    assert [error["review_id"] for error in errors] == [2, 3, 0]
    assert [error["parts"][0]["text"] for error in errors] == ["word3", "word4", "word1"]
    assert [error["label"] for error in errors] == [0, 1, 0]
    by_cut = confident_errors(
        predictions, answers(predictions.probability, 0.95), file, WORDS, TEXT
    )
    assert [error["review_id"] for error in by_cut] == [2, 3, 1]
    assert [error["answer"] for error in by_cut] == [1, 0, 0]
    assert [error["probability"] for error in by_cut] == pytest.approx([0.99, 0.8, 0.1])


def test_words_that_say_much_are_told_apart_where_the_network_sees_them() -> None:
    added = np.array([0, 5.0, 0.1, -1.0, 3.0, 0.9, 0.2])
    shown = shown_words([1, 4, 5, 6, 30, 7, 8], WORDS, TEXT, added)
    assert [(part["kind"], part["text"]) for part in shown["parts"]] == [
        ("cut", "word1 word2"),
        ("against", "word3"),
        ("unknown", "word27"),
        ("for", "word4"),
        ("seen", "word5"),
    ]


def test_the_words_of_an_error_speak_for_the_wrong_answer(tmp_path: Path) -> None:
    file = trained(tmp_path / "model.keras", ngram_words=1)
    table = ngram_table(file)
    assert table
    text = TextConfig(num_words=40, maxlen=12)
    tokens = pad_tokens(ragged([[1, token] for token in range(4, 14)]), text)
    said = folded_network(file)(tokens) > 0.5
    write_parquet(tmp_path / "test.parquet", [review_batch(tokens[:, -2:].tolist())], {}, 2)
    predictions = predicted(1 - said.astype(int), folded_network(file)(tokens))
    by_half, test = answers(predictions.probability), tmp_path / "test.parquet"
    errors = confident_errors(predictions, by_half, test, WORDS, text, table.word_parts)
    of_words = table.word_parts(tokens, said.astype(int))
    expected = {row: "for" if of_words.of_tokens[row, -1] > 0 else "against" for row in range(10)}
    assert {*expected.values()} == {"for", "against"}
    found = {error["review_id"]: error["parts"][0]["kind"] for error in errors}
    assert found == expected


def test_the_words_of_an_error_are_told_apart_by_whatever_says_what_they_add(
    tmp_path: Path,
) -> None:
    lists = [[1, 4, 5, 6, 7, 8], [1, 4]]
    write_parquet(tmp_path / "test.parquet", [review_batch(lists)], {}, 2)
    predictions = predicted(np.array([0, 1]), np.array([0.9, 0.2], np.float32))

    def explain(tokens: np.ndarray, said: np.ndarray) -> WordParts:
        assert said.tolist() == [1, 0]  # the answers, the surest first
        return WordParts(np.where(tokens % 2, -2.0, 1.0), np.zeros(2), np.array([0.01, 0]))

    by_half, test = answers(predictions.probability), tmp_path / "test.parquet"
    errors = confident_errors(predictions, by_half, test, WORDS, TEXT, explain)
    assert [error["gap"] for error in errors] == [0.01, 0]
    parts = [[(part["kind"], part["text"]) for part in error["parts"]] for error in errors]
    assert parts[0][:2] == [("cut", "word1"), ("against", "word2")]
    assert parts[0][2:] == [("for", "word3"), ("against", "word4"), ("for", "word5")]
    assert parts[1] == [("for", "word1")]


def test_the_ngrams_that_carry_errors_are_added_up_over_the_wrong_reviews(tmp_path: Path) -> None:
    file = trained(tmp_path / "model.keras", ngram_words=2)
    table = ngram_table(file)
    assert table
    text = TextConfig(num_words=40, maxlen=12)
    lists = [[1, *one] for one in np.random.default_rng(0).integers(4, 8, (20, 4)).tolist()]
    probability = folded_network(file)(pad_tokens(ragged(lists), text))
    said = (probability > 0.5).astype(int)
    write_parquet(tmp_path / "test.parquet", [review_batch(lists)], {}, 7)
    is_wrong = np.arange(20) % 2 == 1
    predictions = predicted(np.where(is_wrong, 1 - said, said), probability)
    where = tmp_path / "test.parquet", WORDS, text, table
    found = error_ngrams(predictions, said, *where)
    wrong = [" ".join(f"word{one - 3}" for one in words[1:]) for words in np.array(lists)[is_wrong]]
    expected: dict[str, float] = {}
    for words, answer in zip(np.array(lists)[is_wrong], said[is_wrong], strict=True):
        parts = table.ngram_parts(pad_tokens(ragged([words.tolist()]), text), np.array([answer]))
        for place, count, added in zip(parts.places, parts.words, parts.added, strict=True):
            ngram = " ".join(f"word{one - 3}" for one in words[place - 7 : place - 7 + count])
            expected[ngram] = expected.get(ngram, 0) + added
    worst = sorted(expected, key=lambda ngram: -expected[ngram])[: len(found)]
    cut = float(np.quantile(probability, 0.8))
    by_cut = error_ngrams(predictions, answers(probability, cut), *where)
    moved = replace(predictions, probability=(probability > cut).astype(float))
    assert by_cut == error_ngrams(moved, answers(moved.probability), *where) != found
    assert len(found) > 2
    assert [one["ngram"] for one in found] == worst
    for one in found:
        assert one["added"] == pytest.approx(expected[one["ngram"]])
        assert one["errors"] == sum(f" {one['ngram']} " in f" {text} " for text in wrong)
