import json
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import runs
from flows.cli.promote import main
from tasks.registry.champion import ChampionStore
from tests.support.made_runs import rewritten
from tests.support.promotions import decide, make_challenger, quick, run_id

ROOT = Path(__file__).parents[3]

FLOOR = ("--floor", "0.1")


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    for number, right in ((1, 10), (2, 24), (3, 38)):
        make_challenger(tmp_path, number, right)
    return tmp_path


@pytest.fixture(autouse=True)
def wide_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(
        "tasks.registry.latency.measure_latency", lambda run, config, **_: quick(run, config)
    )


def said(capsys: pytest.CaptureFixture[str], artifacts: Path, *words: str) -> str:
    main([*words, "--artifacts", str(artifacts)])
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], artifacts: Path, *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as raised:
        main([*words, "--artifacts", str(artifacts)])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return int(str(raised.value.code)), captured.out + captured.err


def test_a_worse_challenger_is_refused_a_better_one_promoted_and_rollback_restores(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, artifacts, "promote", run_id(2), *FLOOR)
    code, out = refused(capsys, artifacts, "promote", run_id(1), *FLOOR)
    assert code == 1
    assert f"refused: {run_id(1)}, 1 of 8 gates failed (champion)" in out
    assert "worse, -0.3500 (" in out
    assert "interim test 1 on these test reviews: it may use 0.025 of the level 0.05 (alpha" in out
    out = said(capsys, artifacts, "promote", "latest", *FLOOR, "--reason", "better", "--who", "A")
    assert out.startswith(f"promoted: {run_id(3)}, champion in place of {run_id(2)}\n")
    assert "better, +0.3500 (" in out
    assert said(capsys, artifacts, "champion").startswith(f"{run_id(3)} is the champion since 20")
    out = said(capsys, artifacts, "rollback", "--reason", "it fell ill")
    assert out == f"rolled back: {run_id(2)}, champion in place of {run_id(3)}\n"
    lines = said(capsys, artifacts, "history").splitlines()[2:]
    assert [line.split()[0] for line in lines] == ["4", "3", "2", "1"]
    assert lines[0].rstrip().endswith("it fell ill")
    assert lines[1].split()[-2:] == ["A", "better"]
    assert lines[2].rstrip().endswith("failed: champion")
    said(capsys, artifacts, "rollback", "--to", run_id(3))
    assert said(capsys, artifacts, "champion").startswith(run_id(3))


def test_every_gate_that_fails_is_in_the_table(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        *("--floor", "0.99", "--largest-calibration-error", "0.01"),
        *("--largest-latency-ms", "1", "--largest-model-mib", "0.00001"),
    ]
    code, out = refused(capsys, artifacts, "promote", run_id(1), *words)
    assert code == 1
    assert "4 of 8 gates failed (floor, calibration, latency, model size)" in out
    rows = [line.split("  ")[0] for line in out.splitlines()[1:] if " failed " in line]
    assert rows == ["floor", "calibration", "latency", "model size"]


def test_every_command_answers_in_json_too(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert json.loads(said(capsys, artifacts, "champion", "--json")) == {"champion": None}
    assert json.loads(said(capsys, artifacts, "history", "--json")) == {"events": []}
    event = json.loads(said(capsys, artifacts, "promote", run_id(1), *FLOOR, "--json"))
    assert (event["kind"], len(event["gates"])) == ("promoted", 8)
    code, out = refused(capsys, artifacts, "promote", run_id(2), "--floor", "1", "--json")
    assert code == 1
    assert json.loads(out)["kind"] == "refused"
    said(capsys, artifacts, "promote", run_id(3), *FLOOR)
    event = json.loads(said(capsys, artifacts, "rollback", "--json"))
    assert event["run_id"] == run_id(1)
    champion = json.loads(said(capsys, artifacts, "champion", "--json"))["champion"]
    assert champion["run_id"] == run_id(1)
    events = json.loads(said(capsys, artifacts, "history", "--json"))["events"]
    assert [event["number"] for event in events] == [1, 2, 3, 4]
    assert events[0]["who"].count("@") == 1


def test_without_a_champion_the_next_step_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = said(capsys, tmp_path, "champion")
    assert out == "no champion yet; promote a run with: python flows/promote.py promote RUN\n"
    assert said(capsys, tmp_path, "history") == "nothing was promoted yet\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ("promote", 2, "parameter RUN requires an argument"),
        ("promote nothing", 1, "'nothing' names no run in"),
        ("promote latest --mode best", 2, "mode='best': must be 'better' or 'not_worse'"),
        ("promote latest --level 2", 2, "level='2': must be less than or equal to 0.5"),
        ("promote latest --accelerator gpu:x", 2, "accelerator='gpu:x': must be auto"),
        ("rollback", 1, "there is no champion yet"),
        ("rollback --to latest", 1, "was never champion: promote it"),
        ("crown latest", 2, 'Unknown command "crown"'),
    ],
)
def test_a_mistake_is_one_sentence(
    artifacts: Path, capsys: pytest.CaptureFixture[str], words: str, status: int, sentence: str
) -> None:
    code, error = refused(capsys, artifacts, *words.split())
    assert code == status
    assert error.startswith("error: ")
    assert sentence in error
    assert not ChampionStore(artifacts).log.exists()


def test_a_damaged_log_is_one_sentence(artifacts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ChampionStore(artifacts).log.write_text("nonsense\n")
    for words in (["champion"], ["history"], ["rollback"], ["promote", "latest"]):
        code, error = refused(capsys, artifacts, *words)
        assert code == 1
        assert "promotions.jsonl is damaged: its line 1 is not event 1" in error


def test_the_lists_of_runs_mark_the_champion(
    artifacts: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_challenger(artifacts, 4)
    decide(artifacts, run)
    where = ["--artifacts", str(artifacts)]
    for columns, champion in (("200", "00000004 champion"), ("80", "00000004")):
        monkeypatch.setenv("COLUMNS", columns)
        runs.main(["list", *where])
        out = capsys.readouterr().out
        assert out.count("champion") == 1
        assert out.splitlines()[2 + (columns == "80")].startswith(champion)
        assert max(map(len, out.splitlines())) <= int(columns)
    runs.main(["show", "latest", *where])
    assert f"{run_id(4)}, the champion" in capsys.readouterr().out
    runs.main(["show", run_id(3), *where])
    assert "champion" not in capsys.readouterr().out
    runs.main(["list", "--json", *where])
    listed = json.loads(capsys.readouterr().out)["runs"]
    assert [line["is_champion"] for line in listed] == [True, False, False, False]


def test_a_damaged_log_hides_no_run(artifacts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ChampionStore(artifacts).log.write_text("nonsense\n")
    runs.main(["list", "--artifacts", str(artifacts)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert "passed over: " in lines[-1]
    assert "promotions.jsonl is damaged" in lines[-1]


@pytest.mark.parametrize("words", ["champion", "history", "rollback"])
def test_only_promote_imports_tensorflow_and_nothing_prefect(artifacts: Path, words: str) -> None:
    for number in (1, 3):
        decide(artifacts, make_challenger(artifacts, 10 + number, 10 * number))
    code = (
        "import sys; from flows.cli.promote import main\n"
        f"main({[*words.split(), '--artifacts', str(artifacts)]!r})\n"
        "assert not {'prefect', 'tensorflow', 'keras', 'pyarrow', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_a_real_model_is_measured_and_promoted(
    tmp_path: Path,
    prepared: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    model = (prepared / "initial_model.keras").read_bytes()
    rewritten(make_challenger(tmp_path, 1), "best_model.keras", model)
    event = json.loads(said(capsys, tmp_path, "promote", "latest", *FLOOR, "--json"))
    assert event["kind"] == "promoted"
    latency = event["figures"]["latency"]
    assert 0 < latency["ms_per_review"] < 20
    assert (latency["batch_size"], latency["device"]) == (256, "cpu")
