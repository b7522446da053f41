import os
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from tasks.config.naming import Naming
from tasks.evaluation.significance import PairedTest, paired_test
from tasks.reports.runs_page import ChampionEvent, runs_page
from tasks.reports.timeline import Judged, draw_timeline
from tasks.runs.find import find_runs
from tasks.runs.names import write_naming
from tests.support.made_runs import FIRST, SECOND, THIRD, changed_json, make_run
from tests.support.servers.browser import SCREENS, needs_browser, sound_page

ATTACK = "<script>document.title='taken'</script>"

START = datetime(2025, 1, 6, 3, tzinfo=UTC)


def page_of(artifacts: Path, *events: ChampionEvent) -> str:
    return runs_page(find_runs(artifacts), events, [])


def event(kind: str, run_id: str, when: datetime, why: str = "", **against: Any) -> ChampionEvent:
    return ChampionEvent(kind=kind, when=when.isoformat(), run_id=run_id, why=why, **against)


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def weeks(artifacts: Path, number: int) -> list[tuple[str, datetime]]:
    """Make a run a week, on tables that grow; return their ids and times."""
    made = []
    for week in range(number):
        when = START + timedelta(weeks=week)
        run_id = f"{when:%Y%m%dT%H%M%SZ}-{week:08x}"
        protocol = "tutorial" if week % 13 == 5 else "honest"
        accuracy = 0.8 + 0.002 * week
        low, high = accuracy - 0.02, accuracy + 0.02
        run = make_run(
            artifacts,
            run_id,
            fingerprints=(f"train {week}", f"test {week}"),
            protocol=protocol,
            score={
                "accuracy": accuracy,
                "accuracy_low": low,
                "accuracy_high": high,
                "test_reviews": 900 + week,
                "protocol": protocol,
                "source": "files",
                "form": "files",
            },
        )
        changed_json(run, "data_report.json", {"train": {"reviews": 3_000 + 100 * week}})
        (run.folder / "report.html").write_text("a report")
        made.append((run_id, when))
    return made


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a year's weeks, four promotions and a rollback."""
    artifacts = tmp_path_factory.mktemp("artifacts")
    made = weeks(artifacts, 52)
    events = [event("promoted", *made[week], why="better") for week in (0, 9, 20, 40)]
    events.insert(2, event("refused", *made[15], why="worse by 0.021 <b>"))
    events.append(event("rolled back", made[20][0], made[50][1], why="complaints"))
    page = artifacts / "runs.html"
    page.write_text(page_of(artifacts, *events))
    return page


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a replay of a year's weeks: of every fourth challenger that is promoted."""
    artifacts = tmp_path_factory.mktemp("replay")
    events: list[ChampionEvent] = []
    champion: str | None = None
    for week in range(52):
        day = START + timedelta(weeks=week)
        made = START + timedelta(days=400, minutes=week)
        run_id = f"{made:%Y%m%dT%H%M%SZ}-{week:08x}"
        replayed_run(artifacts, run_id, day.date())
        kind = "refused" if week % 4 else "promoted"
        test = None if champion is None else compared(600 + 60 * week, 24 - 6 * (week % 4), 12)
        events.append(event(kind, run_id, made, former_champion=champion, test=test))
        if kind == "promoted":
            champion = run_id
    page = artifacts / "runs.html"
    page.write_text(page_of(artifacts, *events))
    return page


def replayed_run(artifacts: Path, run_id: str, day: date | None) -> None:
    source = {"source": "files", "form": "files", "paths": {}, "sha256": {}, "reason": "requested"}
    run = make_run(artifacts, run_id, source=source | {"as_of": day})
    (run.folder / "report.html").write_text("a report")


def compared(reviews: int, first: int, second: int) -> PairedTest:
    """Return the test of two models that both judge two of three reviews correctly.

    `first` and `second` are those that only one of them does.
    """
    rows = np.arange(reviews)
    both, only_first = rows < 2 * reviews // 3, rows >= reviews - first
    only_second = (rows < reviews - first) & (rows >= reviews - first - second)
    return paired_test(both | only_first, both | only_second)


def test_a_replay_shows_champion_and_challenger_by_the_day_and_not_by_when_it_was_run(
    replay: Path,
) -> None:
    page, text = replay.read_text(), text_of(replay.read_text())
    chart = page.partition("<h2>Replayed by day</h2>")[2].partition("<figcaption>")[0]
    # All but the first one, which met no champion; two lines.
    assert chart.count('class="mark look0"') == chart.count('class="mark look2"') == 51
    assert chart.count('class="joined') == 2 * 50
    assert chart.count('class="promoted"') == 12
    assert "2025-09" in chart
    assert "2026-02" not in chart
    assert (
        "2025-01-13 0.6939 0.6848 +0.0091 (-0.0077 to +0.0258) 660 refused 00000001 00000000"
        in text
    )
    rows = page.partition("<h2>Replayed by day</h2>")[2].partition("</table>")[0]
    links = re.findall(r'<th scope="row"><a href="([^"]+)">([\d-]+)</a>', rows)
    assert [day for _, day in links] == sorted((day for _, day in links), reverse=True)
    assert "-00000033/" in links[0][0]
    assert all((replay.parent / link).is_file() for link, _ in links)
    assert page.count('id="shape0"') == 1


def test_only_models_of_earlier_days_are_a_replay(tmp_path: Path) -> None:
    replayed_run(tmp_path, FIRST, None)
    replayed_run(tmp_path, SECOND, date(2026, 1, 12))
    replayed_run(tmp_path, THIRD, date(2026, 1, 19))
    against = partial(event, "refused", THIRD, START, test=compared(100, 9, 3))
    assert "Replayed by day" not in page_of(tmp_path, against(former_champion=FIRST))
    assert "Replayed by day" in page_of(tmp_path, against(former_champion=SECOND))
    old = compared(100, 9, 3).model_copy(update={"both_right": None})
    assert "Replayed by day" not in page_of(tmp_path, against(former_champion=SECOND, test=old))


def test_each_run_stands_with_interval_protocol_and_sizes_and_opens_its_report(year: Path) -> None:
    page, text = year.read_text(), text_of(year.read_text())
    links = re.findall(r'<th scope="row"><a href="([^"]+)">(\w+)</a>', page)
    assert [short for _, short in links] == [f"{week:08x}" for week in reversed(range(52))]
    assert all((year.parent / link).is_file() for link, _ in links)
    assert page.count('<a href="runs/') == 2 * 52 + 1
    assert (
        "00000005 2025-02-10 03:00 files, tutorial 0.8100 (0.7900 to 0.8300) 905 (set 6) 3,500"
        " 0.7500" in text
    )


def test_each_change_of_the_champion_is_marked_and_told(year: Path) -> None:
    page, text = year.read_text(), text_of(year.read_text())
    plot = page.partition("<figcaption>")[0]
    assert plot.count('class="promoted"') == 4
    assert plot.count('class="rolled-back"') == 1
    # Five reigns, and a step from each to the next one.
    assert plot.count('class="champion"') == 5 + 4
    assert "Champion since 2025-12-22 03:00 UTC: 20250526T030000Z-00000014 , test accuracy" in text
    assert (
        "champion; promoted 2025-05-26 03:00: better; rolled back to 2025-12-22 03:00: complaints"
        in text
    )
    assert "refused 2025-04-21 03:00: worse by 0.021 &lt;b&gt;" in text
    assert "decision" in text
    assert "the champion's accuracy" in text


def test_only_what_was_judged_alike_is_joined(tmp_path: Path) -> None:
    for name, changes in (
        (FIRST, {}),
        (SECOND, {}),
        (THIRD, {"protocol": "tutorial"}),
        ("20260103T000000Z-dddddddd", {"fingerprints": ("train", "elsewhere")}),
        ("20260104T000000Z-eeeeeeee", {}),
    ):
        make_run(tmp_path, name, **changes)
    page = page_of(tmp_path)
    assert page.count('class="joined') == 2
    assert page.partition("<figcaption>")[0].count('class="mark look1 hollow"') == 1
    text = text_of(page)
    assert "files, honest protocol files, tutorial protocol" in text
    assert "files, honest 0.7500 (0.3750 to 1.0000) 8 (set 2) 80 0.7500" in text
    assert "There is no champion yet." in text
    assert "decision" not in text
    assert "the champion's accuracy" not in text


def test_what_is_damaged_is_named_and_stops_nothing(tmp_path: Path) -> None:
    for name in (FIRST, SECOND, THIRD):
        make_run(tmp_path, name)
    (tmp_path / "runs" / SECOND / "data_report.json").write_text("{}")
    (tmp_path / "runs" / THIRD / "manifest.json").unlink()
    (Path(os.fsdecode(bytes(tmp_path) + b"/runs/\xff"))).mkdir()
    page = page_of(tmp_path, event("promoted", SECOND, START))
    assert page.encode()
    text = text_of(page)
    assert (
        f"1 run Champion since 2025-01-06 03:00 UTC: {SECOND}, which is not among the runs below"
        in text
    )
    assert f"{SECOND}: data_report.json has 2 bytes" in text
    assert f"{THIRD} is not a finished run" in text
    assert "/runs/? is not a finished run" in text


def test_a_folder_without_runs_has_a_page_too(tmp_path: Path) -> None:
    assert "There is no run yet." in page_of(tmp_path)


def test_a_run_of_the_future_is_listed_but_does_not_squeeze_the_others(tmp_path: Path) -> None:
    make_run(tmp_path, FIRST)
    make_run(tmp_path, "29990101T000000Z-dddddddd")
    page = page_of(tmp_path)
    assert "a clock was wrong when they were made: dddddddd." in text_of(page)
    assert page.count('class="interval') == 1
    assert page.count('<th scope="row">') == 2


def test_html_in_a_value_stays_text(tmp_path: Path) -> None:
    score = {"accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "test_reviews": 8}
    run = make_run(tmp_path, score=score | {"protocol": ATTACK, "source": "files", "form": ATTACK})
    write_naming(run.folder, Naming(name="<b>run", tags=("<i>", "weekly")))
    run.folder.rename(run.folder.parent / "odd #1 <b>'\"?")
    page = page_of(tmp_path, event("refused", FIRST, START, ATTACK))
    assert "<script" not in page
    assert "<b>" not in page
    assert 'class="long">&lt;b&gt;run #&lt;i&gt; #weekly</td>' in page
    assert 'href="runs/odd%20%231%20%3Cb%3E%27%22%3F/report.html"' in page


def drawn(times: Sequence[datetime]) -> str:
    """Return the chart of runs at these times."""
    judged = partial(Judged, accuracy=0.5, low=0.4, high=0.6, training_reviews=80, test_reviews=20)
    look = partial(judged, group="one", look=0, is_hollow=False, label="a run", link="runs/run")
    runs = [look(when) for when in times]
    return draw_timeline(runs, [], "t", "d").plot


@pytest.mark.parametrize(
    ("apart", "number", "first", "last"),
    [
        (timedelta(), 5, "01-06 02:30", "01-06 03:30"),
        (timedelta(hours=20), 7, "01-06 03:00", "01-06 21:00"),
        (timedelta(days=20), 2, "2025-01-13", "2025-01-20"),
        (timedelta(days=400), 6, "2025-03", "2026-01"),
        (timedelta(days=4_000), 5, "2026-01", "2034-01"),
    ],
)
def test_the_dates_of_an_axis_are_round_and_few(
    apart: timedelta, number: int, first: str, last: str
) -> None:
    shown = re.findall(r'class="(?:date|spare)">([^<]+)<', drawn([START, START + apart]))
    assert (len(shown), shown[0], shown[-1]) == (number, first, last)


def test_many_runs_have_small_marks() -> None:
    few, many = (drawn([START + timedelta(hours=n) for n in range(size)]) for size in (50, 500))
    assert 'class="roomy"' in few
    assert 'transform="scale(0.6)"' in many
    assert many.count("<a ") == 500
    assert len(many) < 400_000


@needs_browser
@SCREENS
@pytest.mark.parametrize("made", ["year", "replay"])
def test_the_page_is_whole_legible_and_accessible_and_asks_for_nothing(
    made: str, width: int, scheme: Literal["light", "dark"], request: pytest.FixtureRequest
) -> None:
    with sound_page(request.getfixturevalue(made), 0, width, scheme) as shown:
        assert shown.title() == "52 runs"
        heights = shown.eval_on_selector_all(
            "figure svg text", "all => all.map(one => parseFloat(getComputedStyle(one).fontSize))"
        )
        assert min(heights) >= 13
