import json
from pathlib import Path

import pytest

from flows.cli import promote as cli_promote
from flows.cli import runs as cli_runs
from tasks.registry.champion import ChampionStore
from tests.support.commands import Command
from tests.support.made_runs import rewritten
from tests.support.promotions import decide, make_challenger, quick, run_id

FLOOR = ("--floor", "0.1", "--largest-calibration-error", "1", "--fewest-reviews", "1")


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    for number, right in ((1, 10), (2, 24), (3, 38)):
        make_challenger(tmp_path, number, right)
    return tmp_path


@pytest.fixture(autouse=True)
def wide_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(
        "tasks.registry.ask_model.ask_model", lambda run, config, **_: quick(run, config)
    )


@pytest.fixture
def promote(artifacts: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(cli_promote.app, artifacts, capsys)


@pytest.fixture
def runs(artifacts: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(cli_runs.app, artifacts, capsys)


def test_a_worse_challenger_is_refused_a_better_one_promoted_and_rollback_restores(
    promote: Command,
) -> None:
    promote.says("promote", run_id(2), *FLOOR)
    code, out = promote.refuses("promote", run_id(1), *FLOOR)
    assert code == 1
    assert f"refused: {run_id(1)}, 1 of 9 gates failed; champion failed: against " in out
    assert "worse, -0.3500 (" in out
    assert "Next:" not in out
    assert "interim test 1 on these test reviews: it may use 0.025 of the level 0.05 (alpha" in out
    out = promote.says("promote", "latest", *FLOOR, "--reason", "better", "--who", "A")
    assert out.startswith(f"promoted: {run_id(3)}, champion in place of {run_id(2)}\n")
    assert "better, +0.3500 (" in out
    assert promote.says("champion").startswith(f"{run_id(3)} is the champion since 20")
    out = promote.says("rollback", "--reason", "it fell ill")
    assert out == f"rolled back: {run_id(2)}, champion in place of {run_id(3)}\n"
    lines = promote.says("history").splitlines()[2:]
    assert [line.split()[0] for line in lines] == ["4", "3", "2", "1"]
    assert lines[0].rstrip().endswith("it fell ill")
    assert lines[1].split()[-2:] == ["A", "better"]
    assert "champion failed: against 00000002: worse, -0.3500 (" in lines[2]
    page = (promote.artifacts / "runs.html").read_text()
    assert f'report.html">{run_id(2)}</a>, test accuracy' in page
    assert "rolled back to" in page
    promote.says("rollback", "--to", run_id(3))
    assert promote.says("champion").startswith(run_id(3))


def test_every_gate_that_fails_is_in_the_table(promote: Command) -> None:
    words = [
        *("--floor", "0.99", "--largest-calibration-error", "0.01"),
        *("--largest-latency-ms", "1", "--largest-model-mib", "0.00001"),
    ]
    code, out = promote.refuses("promote", run_id(1), *words)
    assert code == 1
    assert "4 of 9 gates failed; floor failed: the accuracy 0." in out
    rows = [line.split("  ")[0] for line in out.splitlines()[1:] if " failed " in line]
    assert rows == ["floor", "calibration", "latency", "model size"]
    bounds = [word for word in words if word.startswith("--")]
    assert f"Next: a better model, or a bound of your own: {', '.join(bounds)}" in " ".join(
        out.split()
    )


def test_every_command_answers_in_json_too(promote: Command) -> None:
    assert promote.answers("champion") == {"champion": None}
    assert promote.answers("history") == {"events": []}
    event = promote.answers("promote", run_id(1), *FLOOR)
    assert (event["kind"], len(event["gates"])) == ("promoted", 9)
    code, out = promote.refuses("promote", run_id(2), "--floor", "1", "--json")
    assert code == 1
    assert json.loads(out)["kind"] == "refused"
    promote.says("promote", run_id(3), *FLOOR)
    event = promote.answers("rollback")
    assert event["run_id"] == run_id(1)
    champion = promote.answers("champion")["champion"]
    assert champion["run_id"] == run_id(1)
    events = promote.answers("history")["events"]
    assert [event["number"] for event in events] == [1, 2, 3, 4]
    assert events[0]["who"].count("@") == 1


def test_without_a_champion_the_next_step_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promote = Command(cli_promote.app, tmp_path, capsys)
    out = promote.says("champion")
    assert out == "no champion yet; promote a run with: python flows/promote.py promote RUN\n"
    assert promote.says("history") == "nothing was promoted yet\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ("promote", 2, "parameter RUN requires an argument"),
        ("promote nothing", 1, "'nothing' names no run in"),
        ("promote latest --mode best", 2, "--mode best: must be 'better' or 'not_worse'"),
        ("promote latest --level 2", 2, "--level 2: must be less than or equal to 0.5"),
        ("promote latest --accelerator gpu:x", 2, "--accelerator gpu:x: must be auto"),
        ("rollback", 1, "there is no champion yet"),
        ("rollback --to latest", 1, "was never champion: promote it"),
        ("crown latest", 2, 'Unknown command "crown"'),
    ],
)
def test_a_mistake_is_one_sentence(
    promote: Command, words: str, status: int, sentence: str
) -> None:
    code, error = promote.refuses(*words.split())
    assert code == status
    assert error.startswith("error: ")
    assert sentence in error
    assert not ChampionStore(promote.artifacts).log.exists()


def test_a_damaged_log_is_one_sentence_and_hides_no_run(promote: Command, runs: Command) -> None:
    ChampionStore(promote.artifacts).log.write_text("nonsense\n")
    damaged = "promotions.jsonl is damaged: its line 1 is not event 1"
    for words in (["champion"], ["history"], ["rollback"], ["promote", "latest"]):
        code, error = promote.refuses(*words)
        assert code == 1
        assert damaged in error
    lines = runs.says("list").splitlines()
    assert sum("(" in line and "passed" not in line for line in lines) == 3
    assert "passed over: " in lines[-1]
    assert damaged in lines[-1]


def test_lists_of_runs_mark_the_champion(runs: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    decide(runs.artifacts, make_challenger(runs.artifacts, 4))
    for columns in ("200", "80"):
        monkeypatch.setenv("COLUMNS", columns)
        out = runs.says("list")
        assert out.count("champion") == 1
        starts = [
            line.split()[0] for line in out.splitlines() if line.startswith(("00000", "champion"))
        ]
        assert starts[:2] == ["00000004", "champion"]
        assert max(map(len, out.splitlines())) <= int(columns)
    latest = runs.says("show", "latest")
    assert f"{run_id(4)}, the champion" in latest
    assert "champion" not in runs.says("show", run_id(3))
    listed = runs.answers("list")["runs"]
    assert [line["is_champion"] for line in listed] == [True, False, False, False]


def test_a_real_model_is_measured_and_promoted(
    tmp_path: Path,
    prepared: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    promote = Command(cli_promote.app, tmp_path, capsys)
    model = (prepared / "initial_model.keras").read_bytes()
    rewritten(make_challenger(tmp_path, 1), "best_model.keras", model)
    event = promote.answers("promote", "latest", *FLOOR)
    assert event["kind"] == "promoted"
    latency = event["metrics"]["latency"]
    assert 0 < latency["ms_per_review"] < 20
    assert (latency["batch_size"], latency["device"]) == (256, "cpu")
