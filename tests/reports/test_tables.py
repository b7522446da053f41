from pathlib import Path

import pytest

from tasks.evaluation.significance import SliceScore
from tasks.evaluation.slices import write_slices
from tasks.reports.tables import compared_slices, confusion_table, heat_cells, labels_table
from tasks.runs.compare import compare_runs
from tasks.runs.find import Run
from tests.support.made_runs import FIRST, SECOND, THIRD, make_run, rewritten


def test_a_map_of_confusions_is_for_more_labels_than_a_table_can_show() -> None:
    found = [[0] * 13 for _ in range(13)]
    found[2][2], found[2][5] = 3, 1
    names = [f"<{number}>" for number in range(13)]
    assert heat_cells({"confusion": found}, names) == [
        (2, 2, "<2>, judged <2>: 3", 0.75**0.5),
        (2, 5, "<2>, judged <5>: 1", 0.5),
    ]
    assert heat_cells({"confusion": [[1]] * 12}, names[:12]) == []


def test_the_most_frequent_confusions_are_in_order_and_single_reviews_are_left_out() -> None:
    names = [f"topic {number}" for number in range(13)]
    found = [[9 * (truth == said) for said in range(13)] for truth in range(13)]
    found[3][4], found[12][0], found[1][2], found[5][6] = 1, 2, 2, 3
    found[12][12] = 90  # so that the two reviews are a smaller share of it
    rows = confusion_table({"confusion": found}, names).rows
    assert [row[:3] for row in rows] == [
        ["topic 5", "topic 6", "3"],
        ["topic 1", "topic 2", "2"],
        ["topic 12", "topic 0", "2"],
    ]
    found[12][0] = found[1][2] = found[5][6] = 0
    (only,) = confusion_table({"confusion": found}, names).rows
    assert only == ["topic 3", "topic 4", "1", "10.0 %"]


def test_the_weakest_labels_come_first_and_equal_ones_in_their_order() -> None:
    scores = {"reviews": 9, "judged": 9, "precision": None, "recall": 0.5, "roc_auc": 0.5}
    by_label = [scores | {"f1": f1} for f1 in (0.9, 0.2, 0.4, 0.2)]
    names = ["one", "two", "three", "four"]
    for weakest, shown in ((3, ["two", "four", "three"]), (None, names)):
        table = labels_table({"by_label": by_label}, names, weakest)
        assert table is not None
        assert [row[0] for row in table.rows] == shown
    assert labels_table({}, ["bad", "good"], 3) is None


def slice_of(name: str, accuracy: float, reviews: int = 4) -> SliceScore:
    return SliceScore(
        by="shop",
        name=name,
        reviews=reviews,
        accuracy=accuracy,
        accuracy_low=accuracy - 0.1,
        accuracy_high=accuracy + 0.1,
        rest=0.5,
        p_value=1.0,
        is_worse=False,
    )


def sliced(run: Run, shops: list[str]) -> Run:
    """Return a run that keeps in which shop each test review is."""
    file = run.folder / "slices.parquet"
    write_slices({"shop": shops}, file)
    return rewritten(run, file.name, file.read_bytes())


def test_a_run_is_better_in_a_slice_only_where_a_test_of_its_reviews_says_so(
    tmp_path: Path,
) -> None:
    shops = ["near"] * 20 + ["far"] * 20
    right = {FIRST: [True] * 30 + [False] * 10, SECOND: [True] * 40, THIRD: [True] * 27}
    right[THIRD] += [False] * 13
    slices = (slice_of("near", 1, 20), slice_of("far", 0.5, 20))
    first, second, third = (
        sliced(make_run(tmp_path, run_id, right=of, baseline_right=of, slices=slices), shops)
        for run_id, of in right.items()
    )
    comparison = compare_runs([first, second, third])
    found = [(one.run_id, one.name, one.differs) for one in comparison.slice_tests]
    assert found == [
        (SECOND, "near", False),
        (SECOND, "far", True),
        (THIRD, "near", False),
        (THIRD, "far", False),
    ]
    assert comparison.slice_tests[1].p_value == pytest.approx(4 * 2 / 2**10)
    assert comparison.slice_tests[1].test.reviews == 20
    table = compared_slices(comparison)
    assert table is not None
    ends = [[cell.rpartition(")")[2] for cell in row[3:]] for row in table.rows]
    assert ends == [["", "", ""], ["", " better", ""]]
    assert "corrected for the 4 tests" in table.notes[0]
    alike = compared_slices(compare_runs([first, third]))
    assert alike is not None
    assert alike.notes[0].startswith("None differs from the first: by McNemar's exact test")


def test_slices_are_compared_where_they_are_of_the_same_reviews(tmp_path: Path) -> None:
    first = make_run(tmp_path, FIRST, slices=(slice_of("near", 0.75), slice_of("far", 0.5)))
    second = make_run(tmp_path, SECOND, slices=(slice_of("far", 0.625), slice_of("near", 0.7, 5)))
    other = make_run(tmp_path, THIRD, fingerprints=("train", "other"), slices=(slice_of("far", 1),))
    table = compared_slices(compare_runs([first, second, other]))
    assert table is not None
    assert table.notes == []
    assert len(table.columns) == 5
    (row,) = table.rows
    assert row == ["shop", "far", "4", "0.5000 (0.4000 to 0.6000)", "0.6250 (0.5250 to 0.7250)"]
    without = compare_runs([first, other])
    assert compared_slices(without) is None
    kept = "an earlier version of this project trained it, which did not keep the reviews of each"
    assert without.notes[0].startswith(f"aaaaaaaa is not tested by slice: {kept}")
    assert without.notes[1] == "cccccccc is not tested by slice: other test reviews."
