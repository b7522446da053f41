import json
from typing import Any

import numpy as np
import pytest

from benchmarks.leaderboard import (
    COMMITTED,
    PAGE,
    TARGETS,
    Target,
    page,
    worse,
    written_by_hand,
)

BEFORE = {"runs": [5.0, 5.2, 5.5, 4.9, 5.1], "predict": [7.0, 7.1, 7.4, 6.8, 7.0]}


def test_what_got_worse_is_named_with_both_ratios() -> None:
    now = BEFORE | {"runs": [ratio * 1.3 for ratio in BEFORE["runs"]]}
    (sentence,) = worse(now, BEFORE)
    ratios = "6.63 (6.37 to 7.15), before 5.10 (4.90 to 5.50)"
    assert sentence == f"`sentiment runs` against Python that imports NumPy: {ratios} (p = 0.004)"


@pytest.mark.parametrize(
    "now",
    [
        BEFORE,
        {"runs": [ratio * 0.5 for ratio in BEFORE["runs"]]},  # better
        {"runs": [9.0, 5.0, 5.1, 5.2, 5.3]},  # one disturbed round
        {"runs": [5.51, 5.52, 5.53, 5.54, 5.51]},  # all larger, but by less than a tenth
        {"runs": [9.0, 9.0]},  # too few rounds
        {"new target": [9.0] * 5},
    ],
)
def test_noise_is_not_named(now: dict[str, list[float]]) -> None:
    assert worse(now, BEFORE) == []


def test_equal_distributions_are_hardly_ever_named() -> None:
    random = np.random.default_rng(0)
    named = 0
    for _ in range(300):
        first, second = (random.lognormal(0, 0.3, 5).tolist() for _ in range(2))
        named += len(worse({"runs": first}, {"runs": second}))
    assert named <= 6


def measured(ratio: float) -> dict[str, Any]:
    return {
        "machine": {"processor": "Z80", "cores": 1, "caches_bytecode": True},
        "source": {"commit": "0123456789"},
        "versions": {"tensorflow": "2.0"},
        "ratios": {name: [ratio, ratio, 2 * ratio] for name in TARGETS},
    }


def test_the_page_says_of_each_target_whether_its_goal_is_beaten_or_why_not() -> None:
    lines = page(measured(0.3)).splitlines()
    assert len([line for line in lines if line.endswith("| beaten |")]) == sum(
        target.goal >= 0.3 for target in TARGETS.values()
    )
    (texts,) = (line for line in lines if line.startswith("| `ngrams` from texts | tokenizer"))
    assert "| 0.30 (0.30 to 0.60) | 3 | 0.1 | no: the tokenizer" in texts
    assert "Commit 0123456, 1 cores (Z80), TensorFlow 2.0" in page(measured(0.3))


def test_the_page_is_that_of_the_committed_ratios() -> None:
    committed = json.loads(COMMITTED.read_text())
    assert committed["ratios"].keys() == TARGETS.keys()
    apart = written_by_hand(PAGE)
    assert apart.count("\n| ") >= 7
    assert PAGE.read_text() == page(committed) + apart


def test_a_peer_that_is_not_installed_is_left_out() -> None:
    assert not Target("ours", "another", 1.0, needs="no_package_of_this_name").is_measured
    assert Target("ours", "another", 1.0, needs="numpy").is_measured
    some = measured(0.3)
    del some["ratios"]["epoch torch"]
    assert "PyTorch |" in page(measured(0.3))
    assert "PyTorch |" not in page(some)
