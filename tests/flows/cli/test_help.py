"""The help of a command: what most people need first, and nothing that a terminal folds badly."""

import inspect
import re
import shlex
from pathlib import Path

import pytest
from cyclopts import App

from flows.cli.app import main, run_command
from flows.cli.experiments import ablation_app, seeds_app, sweep_app
from flows.cli.help import Help
from flows.cli.predict import app as predict_app
from flows.cli.promote import app as promote_app
from flows.cli.retrain import app as retrain_app
from flows.cli.sentiment import program
from flows.cli.serve import app as serve_app
from flows.cli.train import app as train_app
from tests.support.made_runs import make_run
from tests.support.small_run import write_reviews

LONG = {
    app.name[0]: app
    for app in (train_app, retrain_app, serve_app, seeds_app, ablation_app, sweep_app)
}

ALL = [*LONG.values(), predict_app, promote_app, program([])]


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for app in ALL:  # an app keeps the width at which it was first shown
        monkeypatch.setattr(app, "_fallback_console", None)


def options(shown: str) -> list[str]:
    """Return the options that a help explains, in their order."""
    return re.findall(r"^  (--[a-z.-]+)", shown, re.MULTILINE)


@pytest.mark.parametrize("name", LONG)
def test_the_first_options_come_alone_with_four_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    formatter = LONG[name].help_formatter
    assert isinstance(formatter, Help)
    main(LONG[name], ["--help"])
    short = capsys.readouterr().out
    assert sorted(options(short)) == sorted(formatter.first)
    assert 9 <= len(formatter.first) <= 14
    assert short.count(f"    python flows/{name}_flow.py") == 4
    main(LONG[name], ["--help-all"])
    every = options(capsys.readouterr().out)
    assert set(formatter.first) < set(every)
    assert len(every) == len(set(every))


def test_what_trains_is_told_in_the_order_of_its_work(capsys: pytest.CaptureFixture[str]) -> None:
    main(train_app, ["--help"])
    shown = options(capsys.readouterr().out)
    assert shown[:2] == ["--source", "--train-file"]
    assert shown.index("--recipe") < shown.index("--epochs") < shown.index("--artifacts")
    main(train_app, ["--help-all"])
    groups = re.findall(r"^([A-Z][a-z]+)$", capsys.readouterr().out, re.MULTILINE)
    parts = ["Data", "Recipe", "Network", "Training", "Evaluation", "Promotion", "Drift", "Running"]
    assert groups == parts


@pytest.mark.parametrize("app", ALL, ids=lambda app: app.name[0])
def test_no_line_is_wider_than_the_terminal(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    main(app, ["--help"])
    if app.name[0] in LONG:
        main(app, ["--help-all"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80 or line != line.rstrip()] == []


@pytest.mark.parametrize("name", LONG)
def test_the_examples_are_understood(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_reviews(Path("reviews.csv"), 20)
    make_run(Path("artifacts"))
    Path("fields.toml").write_text("[fit.learning_rate]\nlow = 0.001\nhigh = 0.01\n")
    formatter = LONG[name].help_formatter
    assert isinstance(formatter, Help)
    for words, _ in formatter.examples:
        given = shlex.split(words)
        assert given[0] == name
        if "stars" in given:
            text = Path("reviews.csv").read_text().replace(",label", ",stars", 1)
            Path("stars.csv").write_text(text)
            given = [word.replace("reviews", "stars") for word in given]
        assert run_command(LONG[name], given[1:])


def test_help_reads_no_source_of_classes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would take a fifth of the time of each command; cyclopts has it read for each class."""

    def read(what: object) -> str:
        raise AssertionError(what)

    monkeypatch.setattr(inspect, "getsource", read)
    run_command(train_app, ["--help"])
    assert "--train-file" in capsys.readouterr().out
