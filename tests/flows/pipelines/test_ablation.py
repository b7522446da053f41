"""Trainings with other forms of the text, each in a process of its own."""

from pathlib import Path

import pytest

from flows.display.experiments import ablation_shown
from flows.display.terminal import show_lines
from flows.pipelines.ablation import ablation_flow
from tasks.config.experiments import AblationConfig, RunnerConfig
from tasks.config.search_space import with_values
from tasks.config.training import TextConfig
from tasks.experiments.ablation_chart import by_tokens, by_words
from tasks.experiments.side_by_side import SideBySide
from tasks.run_summary import RunSummary
from tasks.runs.find import find_runs
from tasks.runs.read import read_config
from tests.support.run_forker import RunForker
from tests.support.start_run import ngram_config

TWO = AblationConfig(tokens=("last-12", "4+6"), words=(40,))

ONE = AblationConfig(tokens=("last-12",), words=(40,))


@pytest.fixture(scope="module")
def made(done: RunSummary, forker: RunForker, small_reviews: Path) -> tuple[Path, SideBySide]:
    """The artifacts and the report of the config and one variant, trained here."""
    artifacts = done.folder.parent.parent
    config = ngram_config(small_reviews)
    with forker.trains():
        return artifacts, ablation_flow(config, TWO, RunnerConfig(), "cpu", artifacts)


def test_each_variant_is_a_run_of_its_own(made: tuple[Path, SideBySide]) -> None:
    artifacts, report = made
    runs = {run.manifest.run_id: run for run in find_runs(artifacts).runs}
    base, both_ends = report.groups
    assert both_ends.config.text == TextConfig(num_words=40, maxlen=10, truncating="middle", head=4)
    for group in (base, both_ends):
        (found,) = group.runs
        run = runs[found.run_id]
        assert read_config(run).text == group.config.text
        assert (found.seed, found.accuracy) == (0, run.manifest.score.accuracy)
        assert report.whole_baselines == run.manifest.baselines


def test_baselines_of_a_variant_see_what_its_network_does(made: tuple[Path, SideBySide]) -> None:
    report = made[1]
    names = [baseline.name for baseline in report.whole_baselines]
    for result in report.groups:
        assert [baseline.name for baseline in result.baselines] == names
    # No review is longer than the config's, and no word that tells a label is unknown to it.
    assert report.groups[0].baselines[0].accuracy == report.whole_baselines[0].accuracy


def test_report_and_chart_are_kept_and_shown(
    made: tuple[Path, SideBySide], capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts, report = made
    (folder,) = [
        file.parent
        for file in artifacts.glob("ablation/*/ablation.json")
        if SideBySide.model_validate_json(file.read_bytes()) == report
    ]
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["ablation.json", "ablation.png", "ablation.svg"]
    assert (folder / "ablation.png").read_bytes().startswith(b"\x89PNG")
    drawn = (folder / "ablation.svg").read_text()
    for words in ("last 12", "4 + 6", "(the config)", "network", "on whole reviews and all words"):
        assert words in drawn
    shown = ablation_shown(report)
    markdown = shown.markdown(folder / "ablation.png")
    assert report.groups[1].runs[0].run_id in markdown
    assert "data:image/png;base64," in markdown
    assert "Nothing is chosen here" in markdown
    show_lines(shown.table)
    assert f"{report.groups[1].over_seeds.mean:.4f}" in capsys.readouterr().out
    assert [row[:2] for row in shown.table.rows] == [
        ["last 12", "40"],
        ["4 + 6", "40"],
        ["all", "all"],
    ]
    assert any("set apart from training" in sentence for sentence in shown.sentences)


def test_a_panel_has_the_variants_that_differ_in_one_thing(made: tuple[Path, SideBySide]) -> None:
    report = made[1]
    base, both_ends = report.groups
    more, fewer = (
        base.model_copy(update={"config": with_values(base.config, {"text.num_words": words})})
        for words in (50, 30)
    )
    wide = report.model_copy(update={"groups": [base, both_ends, more, fewer]})
    assert by_tokens(wide) == [base, both_ends]
    assert by_words(wide) == [fewer, base, more]


def test_nothing_is_trained_twice(made: tuple[Path, SideBySide], small_reviews: Path) -> None:
    artifacts, report = made
    before = {run.manifest.run_id for run in find_runs(artifacts).runs}
    again = ablation_flow(ngram_config(small_reviews), ONE, RunnerConfig(), "cpu", artifacts)
    (new,) = (run for run in find_runs(artifacts).runs if run.manifest.run_id not in before)
    assert all(step.cached for step in new.manifest.steps if step.step != "fetch")
    assert again.groups[0].over_seeds == report.groups[0].over_seeds
