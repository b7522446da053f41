from typing import Any

import numpy as np
import pytest

from tasks.config.promotion import PromotionConfig
from tasks.evaluation.alpha_spending import Look
from tasks.evaluation.significance import PairedTest, SliceScore, difference_interval, paired_test
from tasks.registry.gates import MIB, ChallengerMetrics, ChampionTest, Gate, Latency, judge

NAMES = ["protocol", "data checks", "floor", "champion", "baseline"]
NAMES += ["calibration", "latency", "model size"]

GOOD: dict[str, Any] = {
    "protocol": "honest",
    "accuracy": 0.88,
    "baseline_accuracy": 0.8826,
    "bayes_baseline_accuracy": 0.9113,
    "calibration_error": 0.02,
    "latency": Latency(ms_per_review=2, batch_size=256, device="cpu"),
    "model_bytes": 25 * MIB,
    "data_fault": None,
    "overlap": 0.005,
    "max_overlap": 0.05,
}

FIRST = ChampionTest(champion=None, test=None, look=None, note="no champion yet", may_pass=True)


def paired(first: int, second: int, reviews: int = 1000) -> PairedTest:
    both = np.ones(reviews, bool)
    ours, theirs = both.copy(), both.copy()
    theirs[:first] = False
    ours[first : first + second] = False
    return paired_test(ours, theirs)


def against(first: int, second: int, number: int = 1) -> ChampionTest:
    look = Look(number=number, level=0.05, adjusted_level=0.05 / (number * (number + 1)))
    return ChampionTest(champion="x-former", test=paired(first, second), look=look, note="")


def gates(
    champion: ChampionTest = FIRST, config: PromotionConfig | None = None, **changes: Any
) -> dict[str, Gate]:
    figures = ChallengerMetrics(**(GOOD | changes))
    found = judge(figures, champion, config or PromotionConfig())
    assert [gate.name for gate in found] == NAMES
    return {gate.name: gate for gate in found}


def test_a_good_first_challenger_passes_all_gates() -> None:
    assert all(gate.passed for gate in gates().values())
    assert gates()["champion"].sentence == "no champion yet"


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("protocol", {"protocol": "tutorial"}, "train with --protocol honest"),
        ("data checks", {"data_fault": "test has 3 empty texts"}, "test has 3 empty texts"),
        (
            "floor",
            {"accuracy": 0.84, "baseline_accuracy": 0.84},
            "the accuracy 0.8400 is below 0.8500",
        ),
        (
            "baseline",
            {"accuracy": 0.8685},
            "the accuracy is more than 0.0100 below the linear baseline's 0.8826 (-0.0141)",
        ),
        ("calibration", {"calibration_error": 0.055}, "is 0.055, more than 0.05"),
        (
            "latency",
            {"latency": Latency(ms_per_review=21.5, batch_size=8, device="cpu")},
            "in batches of 8 on cpu a review takes 21.5 ms, more than 20 ms",
        ),
        (
            "latency",
            {"latency": Latency(ms_per_review=1234, batch_size=8, device="cpu")},
            "a review takes 1,234 ms, more than 20 ms",
        ),
        ("model size", {"model_bytes": 101 * MIB}, "has 101 MiB, more than 100 MiB"),
    ],
)
def test_each_gate_refuses_alone_and_with_its_numbers(
    name: str, changes: dict[str, Any], sentence: str
) -> None:
    found = gates(**changes)
    assert [gate.name for gate in found.values() if not gate.passed] == [name]
    assert sentence in found[name].sentence


def test_the_naive_bayes_baseline_is_asked_where_it_is_chosen() -> None:
    config = PromotionConfig(baseline="naive_bayes")
    low = gates(config=config)["baseline"]
    assert not low.passed
    assert low.sentence == (
        "the accuracy is more than 0.0100 below the naive Bayes baseline's 0.9113 (-0.0313)"
    )
    high = gates(config=config, accuracy=0.92)["baseline"]
    assert high.passed
    assert high.value == pytest.approx(0.0087)


def test_a_baseline_that_learned_from_a_sample_says_so() -> None:
    sample = "learned from 50,000 of 1,600,000 training reviews"
    sentence = gates(baseline_sample=sample)["baseline"].sentence
    assert sentence.endswith(f"), which {sample}")


def test_numbers_that_lie_on_their_bounds_pass() -> None:
    config = PromotionConfig(floor=0.8726)
    found = gates(
        config=config,
        accuracy=0.8726,  # the baseline's less the margin, but for the last bit
        calibration_error=0.05,
        latency=Latency(ms_per_review=20, batch_size=1, device="cpu"),
        model_bytes=100 * MIB,
    )
    assert all(gate.passed for gate in found.values())


@pytest.mark.parametrize(
    ("champion", "passed", "beginning", "end"),
    [
        (against(40, 10), True, "better, +0.0300 (", "p < 0.0001 at level 0.025"),
        (against(10, 40), False, "worse, -0.0300 (", "p < 0.0001 at level 0.025"),
        (against(10, 90), False, "worse, -0.0800 (", "p < 0.0001 at level 0.025"),
        (against(20, 20), False, "cannot be told apart, +0.0000 (", "p = 1 at level 0.025"),
        (against(0, 0), False, "cannot be told apart, +0.0000 (", "p = 1 at level 0.025"),
        (against(30, 14), True, "better, +0.0160 (", "p = 0.023 at level 0.025"),
        (against(30, 14, 3), False, "cannot be told apart, +0.0160 (", "p = 0.023 at level 0.0042"),
    ],
)
def test_a_challenger_must_be_better_and_not_only_different(
    champion: ChampionTest, passed: bool, beginning: str, end: str
) -> None:
    assert champion.test is not None
    assert champion.look is not None
    gate = gates(champion)["champion"]
    assert gate.passed is passed
    assert (gate.value, gate.bound) == (champion.test.p_value, champion.look.adjusted_level)
    assert gate.sentence.startswith(f"against former: {beginning}")
    assert gate.sentence.endswith(f"; exact McNemar test, {end}")


def test_not_worse_asks_for_the_interval_to_lie_above_minus_the_margin() -> None:
    config = PromotionConfig(mode="not_worse", margin=0.02)
    passed, refused = (gates(against(20, second), config)["champion"] for second in (20, 30))
    assert passed.passed
    assert not refused.passed
    assert refused.bound == -0.02
    assert refused.value == difference_interval(20, 30, 1000, 0.025)[0]
    assert "not worse within 0.0200: the difference is +0.0000" in passed.sentence


def test_what_is_special_about_a_test_stands_in_its_sentence() -> None:
    champion = against(40, 10).model_copy(update={"note": "scored again"})
    assert gates(champion)["champion"].sentence.endswith("; scored again")


def test_the_worst_slice_is_asked_for_where_that_is_wanted() -> None:
    def one(name: str, accuracy: float) -> SliceScore:
        bounds = {"accuracy_low": accuracy - 0.05, "accuracy_high": accuracy + 0.05}
        more = {"reviews": 100, "rest": 0.9, "p_value": 1.0, "is_worse": False}
        return SliceScore.model_validate(
            {"by": "source", "name": name, "accuracy": accuracy} | bounds | more
        )

    slices = (one("shop", 0.9), one("forum", 0.7))
    for floor, passed in ((0.74, True), (0.76, False)):
        *_, gate = judge(
            ChallengerMetrics(**(GOOD | {"slices": slices})),
            FIRST,
            PromotionConfig(slice_floor=floor),
        )
        assert (gate.name, gate.passed) == ("slices", passed)
        assert "the worst slice, source forum, has an accuracy of 0.7000" in gate.sentence
    *_, gate = judge(ChallengerMetrics(**GOOD), FIRST, PromotionConfig(slice_floor=0.5))
    assert (gate.passed, gate.sentence) == (False, "the run has no slices")
