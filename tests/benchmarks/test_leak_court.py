from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.leak_court import CASES, Case, Verdict, false_alarms, packaged_texts

EXPECTED = {
    "duplicates": "refused",
    "cleaned_labels": "refused",
    "id_as_text": "found",
    "label_in_text": "found",
}
"""What becomes of a leak; all others are prevented."""


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, np.ndarray]:
    return packaged_texts(800, tmp_path_factory.mktemp("packaged"))


@pytest.mark.parametrize("plant", CASES, ids=lambda plant: plant.__name__)
def test_a_leak_is_prevented_refused_or_found(
    plant: Callable[[Case], Verdict], reviews: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    verdict = plant(Case(*reviews, tmp_path, np.random.default_rng(0)))
    assert verdict.outcome == EXPECTED.get(plant.__name__, "prevented")
    if verdict.outcome == "found":
        assert verdict.gain > 0.05


def test_clean_reviews_raise_no_alarm(
    reviews: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    assert false_alarms(Case(*reviews, tmp_path, np.random.default_rng(0)), 3, 400) == 0
