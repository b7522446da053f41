"""A review keeps its part while its table grows, shrinks, is shuffled or freed of repeats."""

import random
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.errors import BadDataError
from tasks.config.training import DataConfig, ProtocolConfig, TextConfig
from tasks.data.split import VALIDATION, chosen_part, validation_mask
from tasks.data.text.vocabulary import Vocabulary
from tests.support.review_samples import distinct_reviews, write_reviews
from tests.support.small_run import write_sets

SHARES = st.floats(0.05, 0.95)


def some_units(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)


def in_turn(count: int) -> np.ndarray:
    return np.arange(count) % 2


@given(SHARES, st.integers(0, 9), st.randoms(use_true_random=False), st.integers(100, 400))
def test_a_unit_keeps_its_part_whatever_other_units_there_are(
    share: float, seed: int, chance: random.Random, count: int
) -> None:
    units = some_units(400)
    rows = [chance.randrange(400) for _ in range(count)]  # some are left out, some repeated
    whole = chosen_part(units, in_turn(400), share, seed, "p")
    try:
        part = chosen_part(units[rows], np.asarray(rows) % 2, share, seed, "p")
    except BadDataError:
        return
    assert (part == whole[rows]).all()


@given(SHARES, SHARES)
def test_a_larger_share_takes_what_a_smaller_one_takes_and_more(one: float, other: float) -> None:
    units, labels = some_units(2000), in_turn(2000)
    small, large = (chosen_part(units, labels, f, 0, "p") for f in sorted((one, other)))
    assert not (small & ~large).any()
    assert large.mean() == pytest.approx(max(one, other), abs=0.05)


@pytest.mark.parametrize("neighbours", [False, True])
def test_seeds_and_purposes_choose_independently_and_each_label_gets_its_share(
    neighbours: bool,
) -> None:
    count = 100_000
    units = np.arange(count, dtype=np.uint64) if neighbours else some_units(count)
    labels = in_turn(count)
    choices = [
        chosen_part(units, labels, 0.2, seed, purpose)
        for seed, purpose in ((0, "test set"), (1, "test set"), (0, "validation set"))
    ]
    for number, one in enumerate(choices):
        assert [one[labels == label].mean() for label in (0, 1)] == pytest.approx(
            [0.2, 0.2], abs=0.01
        )
        for other in choices[:number]:
            assert (one & other).mean() == pytest.approx(0.04, abs=0.005)


@pytest.mark.parametrize(("labels", "label"), [([0, 0, 0], 1), ([1, 1, 1, 1, 0], 0)])
def test_a_part_without_one_of_the_labels_is_refused(labels: list[int], label: int) -> None:
    with pytest.raises(BadDataError, match=f"label {label} has .* both parts need some"):
        chosen_part(some_units(len(labels)), np.asarray(labels), 0.2, 0, "test set")


def test_a_validation_set_may_lack_some_of_many_labels_and_a_test_set_none() -> None:
    units, labels = some_units(400), np.arange(400) % 20
    part = chosen_part(units, labels, 0.05, 0, VALIDATION)
    assert 2 < len(set(labels[part])) < 20
    assert set(labels[~part]) == set(range(20))
    with pytest.raises(BadDataError, match="both parts need some"):
        chosen_part(units, labels, 0.05, 0, "test set")


@pytest.mark.parametrize(("rare", "fraction"), [(1, 0.1), (2, 0.9)])
def test_a_refused_validation_split_names_the_label_as_the_table_does(
    rare: int, fraction: float
) -> None:
    names = ("bad", "mixed", "good")[: rare + 1]
    labels = np.asarray([*in_turn(40) % rare, rare])
    refused = f"label '{names[rare]}' has 1 reviews, of which the validation set gets"
    with pytest.raises(BadDataError, match=refused):
        validation_mask(some_units(41), labels, ProtocolConfig(validation_fraction=fraction), names)


REVIEWS = distinct_reviews(240)


def parts_of(folder: Path, rows: list[int], *, shout: bool = False) -> dict[int, str]:
    """Return the part that each row of `REVIEWS` is in, where a table has `rows` alone."""
    folder.mkdir(parents=True)
    reviews = [REVIEWS[row] for row in rows]
    if shout:
        reviews = [(f"{text.upper()} !!", label) for text, label in reviews]
    file = write_reviews(folder / "reviews.csv", reviews)
    persisted = write_sets(file, folder, DataConfig(), TextConfig(maxlen=9))
    parts = pq.read_table(persisted / "parts.parquet").to_pylist()
    return {rows[part["review_id"]]: part["part"] for part in parts}


@settings(max_examples=5)
@given(st.randoms(use_true_random=False))
def test_a_row_keeps_its_part_as_its_table_changes(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("split")
    grown = list(range(240))
    first = sorted(chance.sample(grown, 160))
    shuffled = chance.sample(first, len(first))
    repeated = [*first, *chance.choices(first, k=40)]
    before = parts_of(folder / "first", first)
    assert set(before.values()) == {"train", "validation", "test"}
    for name, rows in (("grown", grown), ("shuffled", shuffled), ("repeated", repeated)):
        after = parts_of(folder / name, rows)
        assert before.items() <= after.items(), name
        assert len(after) == len(set(rows))
    # Reviews of the same words are the same review.
    assert parts_of(folder / "shouted", first, shout=True) == before


def test_the_parts_that_a_run_keeps_are_those_of_its_files(tmp_path: Path) -> None:
    parts_of(tmp_path / "a", list(range(200)))
    vocabulary = Vocabulary.read(tmp_path / "a/loaded/vocabulary.json")
    persisted = tmp_path / "a/persisted"
    parts = pq.read_table(persisted / "parts.parquet").to_pylist()
    for name in ("train", "validation", "test"):
        rows = pq.read_table(persisted / f"{name}.parquet").to_pylist()
        assert [(row["review_id"], row["text_hash"]) for row in rows] == [
            (part["review_id"], part["text_hash"]) for part in parts if part["part"] == name
        ]
        for row in rows if name != "test" else []:  # test words are no part of the vocabulary
            words = {vocabulary.word(token) for token in row["tokens"]}
            assert f"n{row['review_id']}" in words
