import logging
from pathlib import Path

import pytest

from flows.display.runs_page import renew_runs_page, write_runs_page
from tasks.registry.champion import ChampionStore
from tests.support.made_runs import FIRST, SECOND, make_run
from tests.support.promotion_events import make_event


def test_the_page_has_the_runs_and_the_champion_of_the_folder(tmp_path: Path) -> None:
    for name in (FIRST, SECOND):
        make_run(tmp_path, name)
    store = ChampionStore(tmp_path)
    with store.deciding():
        store.append(make_event(1, "promoted", FIRST, reason="the first"))
    page = write_runs_page(tmp_path)
    assert page == tmp_path / "runs.html"
    text = page.read_text()
    assert f'<a href="runs/{FIRST}/report.html">{FIRST}</a>, test accuracy 0.7500' in text
    assert "champion; promoted 2026-01-01 00:00: the first" in text


def test_a_damaged_log_of_promotions_is_said_on_the_page(tmp_path: Path) -> None:
    make_run(tmp_path, FIRST)
    (tmp_path / "promotions.jsonl").write_text("no event\n")
    text = write_runs_page(tmp_path).read_text()
    assert "promotions.jsonl is damaged: its line 1 is not event 1" in text
    assert "aaaaaaaa" in text


def test_a_page_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_run(tmp_path, FIRST)
    (tmp_path / "runs.html").mkdir()
    with caplog.at_level(logging.WARNING):
        renew_runs_page(tmp_path)
    (said,) = caplog.messages
    assert said.startswith(f"{tmp_path}/runs.html was not renewed: ")
    assert said.endswith("; nothing else is lost")
