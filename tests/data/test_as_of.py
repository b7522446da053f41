"""What was written after a day is not read, so that the day's decision can be replayed."""

import json
import logging
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError
from tasks.common.times import day_of
from tasks.config.training import DataConfig, SourceConfig
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.sources.check_files import check_users_files
from tests.support.review_samples import distinct_reviews, write_file

FIRST = date(2026, 1, 5)

SETS = ("train", "test")


def table(path: Path, days: Sequence[int], last: int | None = None) -> Path:
    """Write a review for each of these days after the first one, up to a last day.

    The reviews of a week have a word of their own.
    """
    rows = [
        (f"week{day // 7} {text}", "no" if label else "yes", str(FIRST + timedelta(days=day)))
        for day, (text, label) in zip(days, distinct_reviews(len(days)), strict=True)
        if last is None or day <= last
    ]
    return write_file(
        path, dict(zip(("text", "label", "written"), zip(*rows, strict=True), strict=True))
    )


def source(file: Path, **more: Any) -> SourceConfig:
    return SourceConfig(source="files", train_file=file, **more)


def loaded(config: SourceConfig, folder: Path) -> dict[str, Any]:
    """Return what the `load` step leaves."""
    folder.mkdir()
    check_users_files(config)
    facts = load_reviews(fetch_reviews(config, ArtifactStore(folder)), DataConfig(), folder)
    sets = {name: pq.read_table(folder / f"{name}.parquet").to_pylist() for name in SETS}
    return facts | sets | {"words": (folder / "vocabulary.json").read_bytes()}


@settings(max_examples=6)
@given(
    days=st.permutations([row % 28 for row in range(280)]),
    kind=st.sampled_from(["csv", "jsonl", "parquet"]),
)
def test_later_rows_might_as_well_not_be_there(
    tmp_path_factory: pytest.TempPathFactory, days: list[int], kind: str
) -> None:
    folder, last = tmp_path_factory.mktemp("asof"), 13
    whole = table(folder / f"whole.{kind}", days)
    short = loaded(source(table(folder / f"short.{kind}", days, last)), folder / "short")
    then = {"time_column": "written", "as_of": FIRST + timedelta(days=last)}
    replayed = loaded(source(whole, **then), folder / "whole")
    assert b"week2" not in replayed["words"]
    assert b"week1" in replayed["words"]
    known = [row for row, day in enumerate(days) if day <= last]
    for name in SETS:
        for review in short[name]:  # a row keeps its number
            review["review_id"] = known[review["review_id"]]
    assert replayed == short


def test_later_rows_are_counted_and_their_labels_do_not_matter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = table(tmp_path / "a.csv", [0] * 200)
    with file.open("a") as more:
        more.write("a third label,maybe,2026-01-06\nno label,,2026-01-07\n")
    caplog.set_level(logging.WARNING)
    then = {"time_column": "written", "as_of": FIRST}
    assert loaded(source(file, **then), tmp_path / "loaded")["label_names"] == ["no", "yes"]
    assert "a.csv: left out, later than 2026-01-05: 2 rows (200, 201)" in caplog.text
    assert "without a label" not in caplog.text
    report = json.loads((tmp_path / "loaded/data_report.json").read_text())
    assert report["left_out"]["train"]["later than 2026-01-05"] == {"count": 2, "rows": [200, 201]}


def test_a_fix_of_a_later_row_waits_for_it(tmp_path: Path) -> None:
    file, last = table(tmp_path / "a.csv", [row % 28 for row in range(280)]), 13
    then = {"time_column": "written", "as_of": FIRST + timedelta(days=last)}
    plain = loaded(source(file, **then), tmp_path / "plain")
    rows = {review["review_id"]: review["label"] for review in plain["train"]}
    row, label = next(iter(rows.items()))
    was, other = ("no", "yes") if label == 0 else ("yes", "no")
    fixes = tmp_path / "fixes.csv"
    fixes.write_text(f"row,label,fix\n27,a label of later,drop\n{row},{was},{other}\n")
    fixed = loaded(source(file, label_fixes=fixes, **then), tmp_path / "fixed")
    after = {review["review_id"]: review["label"] for review in fixed["train"]}
    assert after == rows | {row: 1 - label}
    with pytest.raises(BadDataError, match="row 0: row 27 "):
        loaded(source(file, label_fixes=fixes), tmp_path / "now")


@pytest.mark.parametrize("time", ["", "5 January", "2026-13-01", "1767571200"])
def test_a_row_without_a_time_is_refused_at_once_and_in_the_run(tmp_path: Path, time: str) -> None:
    file = table(tmp_path / "a.csv", [0] * 30)
    with file.open("a") as more:
        more.write(f"one more,yes,{time}\n")
    config = source(file, time_column="written", as_of=FIRST)
    said = r"a\.csv: row 30: its time .* is no ISO 8601 date or time, such as 2026-01-31"
    with pytest.raises(BadDataError, match=said):
        check_users_files(config)
    with pytest.raises(BadDataError, match=said):
        load_reviews(fetch_reviews(config, ArtifactStore(tmp_path)), DataConfig(), tmp_path)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-01-31", 31),
        (" 2026-01-31T23:59:59Z ", 31),
        ("2026-01-31 23:59:59.123456", 31),
        ("2026-01-31T00:30:00+02:00", 30),
        ("2026-01-30T23:30:00-01:00", 31),
        ("20260131", 31),
    ],
)
def test_the_day_of_a_time_is_that_of_its_moment_in_utc(text: str, day: int) -> None:
    assert day_of(text) == date(2026, 1, day)


def test_a_day_is_part_of_the_key_of_what_is_read(tmp_path: Path) -> None:
    file = table(tmp_path / "a.csv", [0] * 30)
    store = ArtifactStore(tmp_path)
    hashes = {
        fetch_reviews(source(file, **more), store).content_hash
        for more in (
            {},
            {"time_column": "written", "as_of": FIRST},
            {"time_column": "written", "as_of": FIRST + timedelta(days=1)},
        )
    }
    assert len(hashes) == 3
