from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config.drift import DriftConfig
from tasks.config.training import TextConfig
from tasks.data.review_files import count_reviews
from tasks.data.text.tokenization import Tokenization
from tasks.drift.compare import IndexedReviews, compare_data
from tasks.drift.measures import balance_measure, length_measure, unknown_measure
from tasks.drift.report import DriftMeasure
from tests.support.samples.drifting_reviews import load_drifting

CONFIG = DriftConfig(sample=400)

NUM_WORDS = 204

NAMES = ["length", "unknown words", "label balance", "words", "classifier"]


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> IndexedReviews:
    return load_drifting(tmp_path_factory.mktemp("drift") / "champion", 0)


def compared(champion: IndexedReviews, folder: Path, **changes: Any) -> list[DriftMeasure]:
    return all_compared(champion, load_drifting(folder / "new", 1, **changes), CONFIG)


def all_compared(
    champion: IndexedReviews, new: IndexedReviews, config: DriftConfig
) -> list[DriftMeasure]:
    is_new = np.ones(count_reviews(new.train), bool)
    return compare_data(champion, new, is_new, NUM_WORDS, config)


def drifted(measures: list[DriftMeasure]) -> set[str]:
    return {measure.name for measure in measures if measure.drifted}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"length": 36}, {"length"}),
        ({"ones": 0.7}, {"label balance"}),
        ({"prefer": 60}, {"words", "classifier"}),
        ({"new_words": 0.08}, {"unknown words", "classifier"}),
        ({"length": 36, "ones": 0.3}, {"length", "label balance"}),
    ],
)
def test_each_kind_of_shift_alarms_its_own_measures(
    champion: IndexedReviews, tmp_path: Path, changes: dict[str, float], expected: set[str]
) -> None:
    measures = compared(champion, tmp_path, **changes)
    assert [measure.name for measure in measures] == NAMES
    assert drifted(measures) == expected
    for measure in measures:
        assert (measure.value > measure.bound and measure.p_value <= 0.001) == measure.drifted
        assert ("more than" in measure.sentence) == (measure.value > measure.bound)


def test_the_comparison_repeats_exactly_and_depends_on_its_seed_alone(
    champion: IndexedReviews, tmp_path: Path
) -> None:
    new = load_drifting(tmp_path / "new", 1, prefer=10)
    few = DriftConfig(sample=100)
    first = all_compared(champion, new, few)
    assert all_compared(champion, new, few) == first
    other = all_compared(champion, new, few.model_copy(update={"seed": 1}))
    assert [measure.value for measure in other[:3]] == [measure.value for measure in first[:3]]
    assert other[3:] != first[3:]


def test_reviews_are_compared_by_their_words_and_not_by_their_numbers(
    champion: IndexedReviews, tmp_path: Path
) -> None:
    # The same reviews behind a word index whose ranks are other ones.
    same = load_drifting(tmp_path / "same", 0, prefer=0)
    shifted = load_drifting(tmp_path / "other", 1, prefer=60)
    assert same.vocabulary.words[:50] != shifted.vocabulary.words[:50]
    measures = all_compared(champion, same, CONFIG)
    assert [measure.value for measure in measures[:4]] == pytest.approx(
        [0, measures[1].value, 0, 0]
    )
    assert drifted(measures) == set()


def test_alike_numbers_alarm_about_as_often_as_the_level_says() -> None:
    """The bounds are set to next to nothing, so that only chance is left to judge."""
    config = DriftConfig(
        largest_length_psi=1e-9,
        largest_unknown_increase=1e-9,
        largest_balance_change=1e-9,
        level=0.05,
    )
    random = np.random.default_rng(0)
    alarms = np.zeros(3)
    for _ in range(300):
        (first, second), labels = random.poisson(200, (2, 400)), random.random((2, 400)) < 0.5
        before, now = ((random.binomial(lengths, 0.05), lengths) for lengths in (first, second))
        alarms += [
            length_measure(first, second, config).drifted,
            unknown_measure(before, now, config).drifted,
            balance_measure(labels[0], labels[1], config).drifted,
        ]
    assert alarms / 300 == pytest.approx(0.05, abs=0.035)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"new_words": 0.08}, {"length", "unknown words", "words", "classifier"}),
        ({"prefer": 60}, {"words", "classifier"}),
    ],
)
def test_new_reviews_are_split_by_the_subwords_of_the_champion(
    tmp_path: Path, changes: dict[str, float], expected: set[str]
) -> None:
    tokens = Tokenization.of(TextConfig(tokenizer="subwords", num_words=NUM_WORDS))
    old = load_drifting(tmp_path / "old", 0, tokens)
    new = load_drifting(tmp_path / "new", 1, tokens, **changes)
    assert old.vocabulary.words != new.vocabulary.words
    assert drifted(all_compared(old, new, CONFIG)) == expected
