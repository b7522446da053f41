from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.runs.compare import Comparison, compare_runs
from tests.support.faults.bit_flips import with_flipped_bit
from tests.support.made_runs import FIRST, RIGHT, SECOND, THIRD, make_run

BETTER = (True,) * 8


def values(comparison: Comparison) -> dict[str, list[object]]:
    return {difference.name: list(difference.values) for difference in comparison.differences}


def test_the_further_run_is_tested_against_the_first_review_by_review(tmp_path: Path) -> None:
    right = [True, False] * 4
    other = [True, True, True, False, True, False, True, True]
    first = make_run(tmp_path, FIRST, right=right)
    # Another order in the file, as a training set of another size gives it.
    second = make_run(tmp_path, SECOND, right=other, backwards=True)
    (judgement,) = compare_runs([first, second]).against_first
    assert (judgement.run_id, judgement.against) == (SECOND, FIRST)
    assert judgement.test is not None
    assert (judgement.test.only_first_right, judgement.test.only_second_right) == (2, 0)
    assert judgement.test.difference == pytest.approx(0.25)


def test_each_network_is_tested_against_its_own_baselines(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, FIRST, baseline_right=BETTER, bayes_right=RIGHT),
        make_run(tmp_path, SECOND, bayes_right=BETTER),
    ]
    linear, bayes = "TF-IDF + logistic regression", "naive Bayes n-grams + logistic regression"
    found = [
        (one.run_id, one.against, one.test.only_first_right, one.test.only_second_right)
        for one in compare_runs(runs).against_baseline
        if one.test
    ]
    assert found == [
        (FIRST, linear, 0, 2),
        (FIRST, bayes, 0, 0),
        (SECOND, linear, 0, 0),
        (SECOND, bayes, 0, 2),
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fingerprints": ("train", "elsewhere")}, "other test reviews"),
        ({"protocol": "tutorial"}, "other protocol (tutorial chooses on the test set)"),
        (
            {"fingerprints": ("train", "elsewhere"), "protocol": "tutorial"},
            "other test reviews; other protocol (tutorial chooses on the test set)",
        ),
    ],
)
def test_scores_on_other_reviews_or_by_another_protocol_are_not_compared(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    runs = [make_run(tmp_path, FIRST), make_run(tmp_path, SECOND, **changes)]
    comparison = compare_runs(runs)
    assert comparison.runs[1].scores.network == runs[1].manifest.score
    assert comparison.runs[1].not_comparable == reason
    assert comparison.against_first[0].test is None
    assert comparison.against_first[0].not_comparable == reason


def test_other_training_reviews_are_reported_and_allowed(tmp_path: Path) -> None:
    other = make_run(tmp_path, SECOND, fingerprints=("fewer", "test"))
    comparison = compare_runs([make_run(tmp_path, FIRST), other])
    assert comparison.against_first[0].test is not None
    assert "bbbbbbbb learned from other training reviews than aaaaaaaa." in comparison.notes
    assert values(comparison)["training reviews"] == ["train", "fewer"]


def test_only_what_differs_is_listed(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, FIRST),
        make_run(
            tmp_path,
            SECOND,
            seed=3,
            device={"kind": "gpu", "name": "G", "reason": "r"},
            versions={"keras": "4"},
            machine={"cores": 4},
            git={"commit": None, "changed": None},
        ),
    ]
    assert values(compare_runs(runs)) == {
        "seed": [0, 3],
        "best model": ["aaaaaaaa", "bbbbbbbb"],
        "device": ["cpu", "gpu G"],
        "processor": ["P", None],
        "cores": [2, 4],
        "system": ["S", None],
        "threads": [2, None],
        "keras": ["3.15.1", "4"],
        "python": ["3.11.7", None],
        "git commit": ["cccccccc", None],
        "uncommitted changes": [False, None],
    }


def test_the_same_file_named_from_another_folder_is_no_difference(tmp_path: Path) -> None:
    here, there = make_run(tmp_path, FIRST), tmp_path / "weekly/reviews.csv"
    assert "train_file" not in values(
        compare_runs([here, make_run(tmp_path, SECOND, train_file=there)])
    )
    other = make_run(tmp_path, THIRD, train_file=tmp_path / "more.csv")
    assert values(compare_runs([here, other]))["train_file"] == ["reviews.csv", "more.csv"]


def test_equal_weights_flattered_scores_and_many_tests_are_noted(tmp_path: Path) -> None:
    same = {"best_model_hash": "w", "last_weights_hash": "l"}
    runs = [
        make_run(tmp_path, name, protocol="tutorial", weights=same)
        for name in (FIRST, SECOND, THIRD)
    ]
    notes = "\n".join(compare_runs(runs).notes)
    assert "bbbbbbbb has the same weights as aaaaaaaa." in notes
    assert "its scores are flattered" in notes
    assert "another seed" in notes
    assert "some are small by chance" in notes


@pytest.mark.parametrize("name", ["predictions.parquet", "baseline_predictions.parquet"])
def test_damaged_predictions_are_an_error(tmp_path: Path, name: str) -> None:
    runs = [make_run(tmp_path, FIRST), make_run(tmp_path, SECOND)]
    content = (runs[1].folder / name).read_bytes()
    (runs[1].folder / name).write_bytes(with_flipped_bit(content, -1))
    with pytest.raises(BadDataError, match=rf"{SECOND}: {name} is corrupt .* start that run again"):
        compare_runs(runs)


def test_a_comparison_needs_two_different_runs(tmp_path: Path) -> None:
    run = make_run(tmp_path, FIRST)
    for runs in ([], [run], [run, run]):
        with pytest.raises(InvalidConfigError, match="at least two different runs"):
            compare_runs(runs)
