import re
from pathlib import Path
from typing import Literal

import pytest

from tasks.reports.comparison import LOOKS, compare_page
from tasks.runs.compare import compare_runs
from tasks.runs.find import Run
from tasks.runs.read import read_checked
from tests.support.made_runs import (
    FIRST,
    HISTORY,
    SAMPLE,
    SECOND,
    THIRD,
    make_run,
    with_sampled_baselines,
)
from tests.support.servers.browser import SCREENS, cut_off, needs_browser, sound_page

ATTACK = "<script>document.title='taken'</script>"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    runs = [
        make_run(tmp_path, FIRST),
        make_run(tmp_path, SECOND, seed=1, versions={"keras": ATTACK, "long": "a" * 200}),
        make_run(tmp_path, THIRD, protocol="tutorial"),
    ]
    histories = {run.manifest.run_id: read_checked(run, "history.json") for run in runs}
    file = tmp_path / "comparison.html"
    file.write_text(compare_page(compare_runs(runs), histories))
    return file


def test_the_page_has_what_the_terminal_shows(page: Path) -> None:
    text = " ".join(re.sub(r"<[^>]+>", " ", page.read_text()).split())
    assert "aaaaaaaa files honest 0.7500 (0.3750 to 1.0000) 0.7500 0.7500 0.9000 0.4000 2/2" in text
    assert "cccccccc* files tutorial 0.7500 (0.3750 to 1.0000) 0.7500 0.7500 0.9000" in text
    assert "* not comparable with the first run: other protocol (tutorial chooses" in text
    assert '<tr class="quiet"><th scope="row">cccccccc*</th>' in page.read_text()
    assert "bbbbbbbb aaaaaaaa 0 0 +0.0000 (-0.2772 to +0.2772) 1" in text
    assert "seed 0 1 0" in text
    assert "its scores are flattered" in text


def test_a_run_that_cannot_be_compared_is_not_drawn(page: Path) -> None:
    text = page.read_text()
    assert "Not drawn, since they validate on other reviews: cccccccc." in text
    assert "Validation accuracy by epoch; at best aaaaaaaa 0.8750, bbbbbbbb 0.8750" in text


def test_baselines_that_learned_from_a_sample_say_so(tmp_path: Path) -> None:
    made = [make_run(tmp_path, FIRST), make_run(tmp_path, SECOND, seed=1)]
    runs = [made[0], Run(folder=made[1].folder, manifest=with_sampled_baselines(made[1].manifest))]
    text = re.sub(
        r"<[^>]+>", " ", compare_page(compare_runs(runs), dict.fromkeys((FIRST, SECOND), HISTORY))
    )
    assert "0.7500, sample 0.7500, sample" in " ".join(text.split())
    assert f"sample: the baselines of bbbbbbbb {SAMPLE}" in text
    assert f"TF-IDF {SAMPLE}" in text


def test_html_in_a_value_stays_text(page: Path) -> None:
    assert "<script" not in page.read_text()


def test_many_runs_are_told_apart_by_colour_and_marker() -> None:
    assert len(set(LOOKS)) == len(LOOKS) == 24


@needs_browser
@SCREENS
def test_the_page_is_whole_legible_and_accessible_and_asks_for_nothing(
    page: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    with sound_page(page, 2, width, scheme) as shown:
        assert shown.title() == "Comparison of 3 runs"
        assert cut_off(shown) == []
