import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import csv

from benchmarks import weekly_case
from benchmarks.weekly_case import Decided, Series, made_reviews, outcome_of, rule_series, tables_of
from tasks.common.tables import Table
from tasks.evaluation.alpha_spending import next_look
from tasks.evaluation.significance import paired_test
from tests.support.promotion_events import make_event


def decided(outcome: str, difference: float | None) -> Decided:
    level = None if difference is None else 0.025
    return Decided(outcome=outcome, unseen=300, level=level, difference=difference)


def series(shift: int | None, *weeks: Decided, after: float = 0.9) -> Series:
    first = decided("promoted", None).model_copy(update={"unseen": None})
    return Series(
        seed=0, shift=shift, weeks=(first, *weeks), before=0.8, after=after, best=max(after, 0.8)
    )


def test_a_table_without_a_shift_begins_as_that_with_one_and_goes_on_otherwise(
    tmp_path: Path,
) -> None:
    tables = []
    for name, shift in (("without", None), ("with", 3)):
        weekly_case.write_weeks(tmp_path / name, weeks=4, rows=50, shift=shift, seed=1)
        tables.append(csv.read_csv(tmp_path / name).to_pylist())
    without, shifted = tables
    assert without[:100] == shifted[:100]
    assert without[100:] != shifted[100:]
    assert [str(row["written"]) for row in without[::50]] == [
        *("2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"),
    ]


def test_other_words_tell_the_label_after_a_shift() -> None:
    counts = {}
    for shifted in (False, True):
        made = made_reviews(3_000, shifted=shifted, random=np.random.default_rng(0)).to_pylist()
        ones, zeros = (
            {word for row in made if row["label"] == label for word in row["text"].split()}
            for label in (1, 0)
        )
        counts[shifted] = ones - zeros
    both = counts[False] & counts[True]
    assert len(both) < 0.5 * min(map(len, counts.values()))


def test_an_event_is_one_of_the_outcomes() -> None:
    look = next_look(0.05, (), ("a", "b"))

    def said(first: int, second: int) -> str:
        rows = np.arange(100)
        test: Any = paired_test(rows < first, rows >= 100 - second)
        return outcome_of(make_event(2, "refused", "a", former_champion="b", test=test, look=look))

    assert said(40, 4) == "better, refused"
    assert said(4, 40) == "worse"
    assert said(22, 20) == "not clearly better"
    assert outcome_of(make_event(1, "refused", "a", former_champion="b")) == "not compared"
    assert outcome_of(make_event(1, "promoted", "a")) == "promoted"


def test_the_tables_count_decisions_and_those_that_are_wrong() -> None:
    found = [
        series(None, decided("worse", 0.01), decided("promoted", 0.02)),
        series(None, decided("worse", -0.01), decided("promoted", -0.02)),
        series(3, decided("not clearly better", 0.0), decided("promoted", 0.1)),
        series(3, decided("promoted", 0.1), decided("not clearly better", 0.0), after=0.7),
    ]
    without, shifted, summary = map(Table.records, tables_of(found))
    assert [row["week"] for row in shifted] == ["1", "2", "3, shift"]
    assert without[1] | {"worse": "2", "unseen reviews": "300"} == without[1]
    assert [row["promoted"] for row in shifted] == ["2", "1", "1"]
    first, second = summary
    assert (first["comparisons"], first["false worse"], first["false better"]) == ("4", "1", "1")
    assert (second["in the end"], second["better in the end"]) == ("0.8000", "1 of 2")


def test_the_rules_alone_decide_the_same_before_a_shift_and_otherwise_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weekly_case, "FRESH", 500)
    still, shifted = (rule_series(3, 400, shift, seed=0) for shift in (None, 3))
    assert still.weeks[:2] == shifted.weeks[:2]
    assert [week.unseen for week in still.weeks[1:]] == sorted(
        week.unseen or 0 for week in still.weeks[1:]
    )
    assert shifted.before < 0.6 < still.before


@pytest.mark.slow
def test_a_seed_of_three_weeks_is_run_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "weekly.json"
    sizes = {"seeds": 1, "weeks": 3, "rows": 600, "shift": 3, "json_out": file}
    weekly_case.main(**sizes)  # type: ignore[arg-type]  # of several kinds
    shown = capsys.readouterr().out
    assert [one["shift"] for one in json.loads(file.read_bytes())["series"]] == [None, 3]
    assert "| 3, shift | " in shown
    weekly_case.main(**sizes)  # type: ignore[arg-type]
    assert capsys.readouterr().out == shown
