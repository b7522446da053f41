import html
import re
import shutil
import time
from pathlib import Path
from typing import Literal

import pytest

from tasks.config.recipes import nearest_recipe
from tasks.config.repeat import train_command
from tasks.config.training import NETWORKS, TrainingConfig
from tasks.reports.run_report import run_report
from tasks.reports.verdict import run_verdict
from tasks.run_summary import RunSummary
from tasks.runs.find import Run
from tasks.runs.manifest import read_manifest
from tasks.runs.read import read_json
from tests.support.made_runs import SAMPLE, changed_json, with_sampled_baselines
from tests.support.servers.browser import (
    SCREENS,
    cut_off,
    needs_browser,
    open_page,
    sound_page,
    unfold,
)

pytestmark = pytest.mark.usefixtures("prefect_server")

LONGEST = 6000
"""Pixels of the report before anything is unfolded, also on a telephone."""

ATTACK = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"


@pytest.fixture
def copied(done: RunSummary, tmp_path: Path) -> Run:
    """A run whose files a test may change."""
    folder = Path(shutil.copytree(done.folder, tmp_path / "run"))
    return Run(folder=folder, manifest=read_manifest(folder))


def page_of(run: Run) -> str:
    """Return the report of a run on one line."""
    return " ".join(run_report(run.folder, run.manifest).split())


def error_of(*parts: dict[str, str]) -> dict[str, object]:
    """Return what `analysis.json` holds of a confident error with these parts."""
    review = {"review_id": 1, "label": 0, "answer": 1, "probability": 0.9, "length": 3}
    return review | {"not_shown": 0, "parts": parts}


@pytest.fixture
def attacked(copied: Run, tmp_path: Path) -> Path:
    """The report of a run whose labels, words and reasons hold HTML."""
    changed_json(copied, "data_report.json", {"label_names": [ATTACK, "good"]})
    error = error_of({"kind": "seen", "text": ATTACK})
    changed_json(copied, "analysis.json", {"confident_errors": [error]})
    report = tmp_path / "report.html"
    report.write_text(run_report(copied.folder, copied.manifest))
    return report


def test_a_score_stands_with_its_protocol_source_interval_and_baseline(done: RunSummary) -> None:
    page, score = (done.folder / "report.html").read_text(), done.score
    manifest = read_manifest(done.folder)
    assert f"<strong>{score.accuracy:.4f}</strong>" in page
    assert f"{score.accuracy_low:.4f} to {score.accuracy_high:.4f} (95 %)" in page
    for baseline in manifest.baselines:
        assert f"Against {baseline.name}, {baseline.accuracy:.4f}</span><strong>" in page
        difference = 100 * (score.accuracy - baseline.accuracy)
        assert f"<strong>{difference:+.2f}</strong>" in page
    assert "Honest protocol, source files, 47 test reviews" in page
    assert "The positive label is <b>pos</b>, the other one neg" in page


def test_baselines_that_learned_from_a_sample_say_so_wherever_they_stand(done: RunSummary) -> None:
    manifest = read_manifest(done.folder)
    page = run_report(done.folder, with_sampled_baselines(manifest))
    assert f"Against {manifest.baseline.name} {SAMPLE}, " in page
    assert f"The baselines {SAMPLE}." in page  # above the table of scores
    assert f"Both {SAMPLE} of the network." in page
    assert "learned from 50" not in (done.folder / "report.html").read_text()


def test_the_words_of_the_worst_errors_have_colours_and_the_gap_is_told(copied: Run) -> None:
    error = error_of({"kind": "for", "text": "fine"})
    told = "by integrated gradients, which miss the logits by 0.125 at most."
    for gaps, is_told in (([{}], False), ([{"gap": 0.0}], False), ([{"gap": 0.125}, {}], True)):
        changed_json(copied, "analysis.json", {"confident_errors": [error | gap for gap in gaps]})
        page = page_of(copied)
        assert '<span class="for">fine</span>' in page
        assert "green</span> for the answer" in page
        assert (told in page) == is_told


def test_rows_that_were_left_out_are_told(copied: Run) -> None:
    assert "left out" not in page_of(copied)
    rows = {"train": {"without a word": {"count": 1234, "rows": [5]}}, "test": {}}
    changed_json(copied, "data_report.json", {"left_out": rows})
    row = r"left out, without a word</th> ?<td[^>]*>1,234</td> ?<td[^>]*>0</td>"
    assert re.search(row, page_of(copied))


def test_the_accuracy_by_the_share_answered_is_drawn_where_levels_were_measured(
    copied: Run,
) -> None:
    (whole,) = read_json(copied.folder, "metrics.json")["abstention_curve"]  # it is too sure
    drawn = "from 0.9876 where 50.0 % of the reviews are answered"
    assert drawn not in page_of(copied)
    half = whole | {"answered": 0.5, "accuracy_answered": 0.9876}
    changed_json(copied, "metrics.json", {"abstention_curve": [half, whole]})
    assert drawn in page_of(copied)


def test_the_errors_are_said_to_be_those_of_the_cut_where_there_is_one(copied: Run) -> None:
    assert "pos above 0.8621." not in page_of(copied)
    facts: dict[str, object] = {"fp": 5, "fn": 1, "cut": 0.86214, "accuracy": 0.5}
    facts |= {"cost": 1.0, "cost_at_half": 1.1, "saved": 0.1, "accuracy_interval_95": [0.4, 0.6]}
    facts |= {f"{name}_interval_95": [0.0, 2.0] for name in ("cost", "cost_at_half", "saved")}
    changed_json(copied, "metrics.json", {"cost": facts})
    assert "pos above 0.8621." in page_of(copied)


def test_a_report_is_written_in_well_under_three_seconds(done: RunSummary) -> None:
    manifest, started = read_manifest(done.folder), time.perf_counter()
    assert run_report(done.folder, manifest)
    assert time.perf_counter() - started < 1


def test_every_step_is_reported_with_its_reason(done: RunSummary) -> None:
    page = (done.folder / "report.html").read_text()
    for step in done.steps:
        outcome = f'<td data-head="result">{step.outcome}</td>'
        assert f'<th scope="row">{step.step}</th>{outcome}' in page
    assert "there is no earlier result of this step" in page


def test_html_in_labels_and_reviews_stays_text(attacked: Path) -> None:
    page = attacked.read_text()
    assert "<script" not in page
    assert "&lt;script&gt;document.title" in page


@needs_browser
def test_html_in_labels_and_reviews_does_nothing_in_a_browser(attacked: Path) -> None:
    with open_page(attacked) as opened:
        assert opened.page.title().endswith(" on reviews.csv, seed 0")
        unfold(opened.page)
        assert "document.title = 'taken'" in opened.page.inner_text("blockquote")
        assert opened.complaints == []


def test_the_head_is_the_verdict_and_a_command_that_repeats_the_run(done: RunSummary) -> None:
    page = html.unescape((done.folder / "report.html").read_text())
    verdict = run_verdict(done.folder, read_manifest(done.folder))
    config = TrainingConfig.model_validate_json((done.folder / "config.json").read_bytes())
    assert f'<p class="verdict {verdict.level}">{verdict.sentence}</p>' in page
    assert page.index(verdict.sentence) < page.index("Test accuracy</span>")
    assert f"<code>{train_command(config, 'files')}</code>" in page
    recipe, _ = nearest_recipe(config)
    title = rf"<h1>{recipe}, \d+ settings changed, on reviews.csv, seed 0</h1>"
    assert re.search(title, page)


def test_no_field_of_another_architecture_is_shown(done: RunSummary) -> None:
    page = (done.folder / "report.html").read_text()
    own = read_json(done.folder, "config.json")["network"]
    others = {name for network in NETWORKS.values() for name in network.model_fields} - own.keys()
    others -= TrainingConfig.model_fields.keys()
    assert others
    assert [name for name in others if f">{name}<" in page] == []
    assert all(f">{name}<" in page for name in own)


def test_only_changed_settings_are_unfolded(done: RunSummary) -> None:
    page = (done.folder / "report.html").read_text()
    before, _, after = page.partition("<summary>All ")
    assert '<th scope="row">maxlen</th>' in before
    assert "shuffle_buffer" not in before
    assert "shuffle_buffer" in after


@needs_browser
@SCREENS
def test_the_report_is_whole_legible_and_accessible_and_asks_for_nothing(
    done: RunSummary, width: int, scheme: Literal["light", "dark"]
) -> None:
    with sound_page(done.folder / "report.html", 8, width, scheme) as page:
        assert page.evaluate("document.documentElement.scrollHeight") <= LONGEST
        unfold(page)
        assert cut_off(page) == []
        assert all(page.eval_on_selector_all("img", "all => all.map(one => one.alt.length > 20)"))
        sizes = page.eval_on_selector_all(
            "p, td, th, li, figcaption",
            "all => all.map(one => parseFloat(getComputedStyle(one).fontSize))",
        )
        assert min(sizes) >= 14
