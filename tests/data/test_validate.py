from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.errors import BadDataError
from tasks.config.training import DataConfig
from tasks.data.text.corpus import TokenizedSource, repeated_in_train
from tasks.data.text.vocabulary import Vocabulary
from tasks.data.validate import describe_reviews, require_valid
from tests.support.review_samples import labelled

Ids = list[list[int]]

WORDS = [f"w{rank}" for rank in range(1, 31)]


def report_of(train: Ids, test: Ids, words: list[str] = WORDS) -> dict[str, Any]:
    """Describe reviews of which every second one is positive."""
    sets = [labelled(ids, [row % 2 for row in range(len(ids))]) for ids in (train, test)]
    source = TokenizedSource(sets[0], sets[1], Vocabulary(words), ("bad", "good"))
    return describe_reviews(source) | {"source": "files"}


def failures_of(report: dict[str, Any], **rules: Any) -> str:
    with pytest.raises(BadDataError) as raised:
        require_valid(report, DataConfig(**rules))
    return str(raised.value)


TRAIN = [[1, 4 + row] for row in range(12)]

TEST = [[1, 20 + row] for row in range(10)]


@given(train=st.lists(st.sampled_from("abcdef")), test=st.lists(st.sampled_from("abc")))
def test_what_is_not_repeated_is_the_first_of_its_kind_and_not_in_the_test_set(
    train: list[str], test: list[str]
) -> None:
    mask = repeated_in_train(*(np.array([ord(c) for c in s], np.uint64) for s in (train, test)))
    kept = [text for text, repeated in zip(train, mask, strict=True) if not repeated]
    assert kept == [text for text in dict.fromkeys(train) if text not in test]


def test_the_report_tells_sizes_balance_lengths_unknown_words_and_repeats() -> None:
    train = [[1, 4, 5], [1, 4], [1, 4, 5], [1], [1, 6, 6, 6]]
    test = [[1, 4], [1, 2, 4, 2], [1, 4]]
    report = report_of(train, test, ["a", "b", "c"])
    assert (report["label_names"], report["vocabulary_words"]) == (["bad", "good"], 3)
    assert report["overlap"] == {"distinct_texts_in_both": 1, "test_reviews_seen_in_train": 2}
    quantiles = {split: report[split].pop("length_quantiles") for split in ("train", "test")}
    assert list(quantiles["train"]) == ["min", "q25", "median", "q75", "q95", "max"]
    assert list(quantiles["train"].values()) == pytest.approx([1, 2, 3, 3, 3.8, 4])
    assert list(quantiles["test"].values()) == pytest.approx([2, 2, 2, 3, 3.8, 4])
    expected = {
        "reviews": (5, 3),
        "class_counts": ([3, 2], [2, 1]),
        "empty_texts": (1, 0),
        "duplicates": (1, 1),
        "tokens": (13, 8),
        "mean_length": (2.6, 2.667),
        "unknown_share": (0.0, 0.25),
        "id_range": ([1, 6], [1, 4]),
    }
    for place, split in enumerate(("train", "test")):
        assert report[split] == {name: both[place] for name, both in expected.items()}


def test_good_reviews_pass_and_a_class_needs_five_in_each_set() -> None:
    require_valid(report_of(TRAIN, TEST), DataConfig(max_overlap=0))
    for train, test, failing in (
        ([], [], "0 of 'bad', 0 of 'good'"),
        (TRAIN, TEST[:9], "4 of 'good', which"),
    ):
        message = failures_of(report_of(train, test))
        assert f"test needs at least 5 reviews of each class, has {failing}" in message
        assert ("train needs at least 5 reviews" in message) == (not train)


def test_an_overlap_is_refused_above_the_allowed_share_alone() -> None:
    report = report_of(TRAIN, TEST[:8] + TRAIN[:2])
    require_valid(report, DataConfig(max_overlap=0.2))
    message = failures_of(report, max_overlap=0.19)
    assert "2 of 10 test reviews occur in training, more than max_overlap=0.19" in message
    assert "--deduplicate" in message


def test_of_several_labels_a_rare_one_may_be_left_out() -> None:
    report = report_of(TRAIN, TEST) | {"label_names": ["bad", "fair", "good"]}
    counts = {split: report[split] | {"class_counts": [9, 3, 9]} for split in ("train", "test")}
    message = failures_of(report | counts)
    assert "has 3 of 'fair', which are too few" in message
    assert message.count("or leave them out with --drop-labels fair") == 2


def test_the_official_set_must_be_whole_and_balanced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.data.validate.OFFICIAL_SPLIT_ROWS", 12)
    report = report_of(TRAIN, TEST) | {"source": "imdb"}
    require_valid(report | {"test": report["train"]}, DataConfig(max_overlap=1))
    require_valid(report, DataConfig(deduplicate=True))
    message = failures_of(report)
    assert "test must have 6 reviews of each class, has 5 and 5" in message
    assert "train must" not in message


@pytest.mark.parametrize(("number", "found"), [(0, "0 to 15"), (34, "1 to 34")])
def test_ids_outside_the_vocabulary_are_refused(number: int, found: str) -> None:
    message = failures_of(report_of([*TRAIN, [1, number]], TEST))
    assert f"train has token ids from {found}, outside 1 to 33" in message


def test_every_failure_is_listed_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.data.validate.OFFICIAL_SPLIT_ROWS", 100)
    train = [*TRAIN[:9], [1], [1, 99]]
    message = failures_of(report_of(train, [[1], [1], *TRAIN[:6]]) | {"source": "imdb"})
    assert message.startswith("the reviews cannot be used: ")
    assert message.removeprefix("the reviews cannot be used: ").split("; ") == [
        "train must have 50 reviews of each class, has 6 and 5",
        "train has 1 texts without any word",
        "train has token ids from 1 to 99, outside 1 to 33",
        "test must have 50 reviews of each class, has 4 and 4",
        "test needs at least 5 reviews of each class, has 4 of 'bad', 4 of 'good', which are too"
        " few for a score: add reviews",
        "test has 2 texts without any word",
        "8 of 8 test reviews occur in training, more than max_overlap=0.05 allows"
        " (--deduplicate drops them from training)",
    ]
