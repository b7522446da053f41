import re
import time
from collections import Counter
from pathlib import Path

import pytest

from flows.cli.runs import main
from tasks.run_summary import RunSummary
from tasks.runs.find import find_run
from tasks.runs.manifest import read_manifest
from tests.support.commands import Command
from tests.support.made_runs import FIRST, SECOND, THIRD, age, make_run, rewritten
from tests.support.start_run import start_run


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    for name in (FIRST, SECOND, THIRD):
        make_run(tmp_path, name, seed=int(name == SECOND))
    return tmp_path


@pytest.fixture
def runs(artifacts: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(main, artifacts, capsys)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def test_the_list_shows_each_score_with_interval_baseline_and_protocol(runs: Command) -> None:
    lines = runs.says("list").splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["cccccccc", "bbbbbbbb", "aaaaaaaa"]
    assert " ".join(lines[3].split()) == (
        "bbbbbbbb 2026-01-02 00:00 files honest 1 0.7500 (0.3750 to 1.0000) 0.7500 2/2 all"
    )


@pytest.mark.parametrize("columns", [80, 160])
def test_no_number_of_a_table_is_cut_in_a_narrow_terminal(
    runs: Command, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = runs.says("list") + runs.says("compare", FIRST, SECOND, THIRD)
    assert "…" not in shown
    assert "(0.3750 to 1.0000)" in shown
    assert max(len(line) for line in shown.splitlines() if "0.7500" in line) <= columns
    assert shown.count("+0.0000 (-0.2772 to +0.2772)") == 2 + 2 * 3


def test_what_cannot_be_read_is_one_line_below_the_list(runs: Command) -> None:
    age(make_run(runs.artifacts, "20260103T000000Z-dddddddd"))
    lines = runs.says("list").splitlines()
    assert len(lines) == 6
    assert lines[-1].startswith("passed over: ")
    assert lines[-1].endswith("(its schema_version is 1, not 2); start that run again")


ODD = [b"", b"{}", b"[]", b"null", b'"x"', b"\xff\xfe\x00", b"[" * 100_000, b'{"a": 1}', b"1e999"]


def test_odd_files_with_good_hashes_end_in_one_sentence(runs: Command, tmp_path: Path) -> None:
    whole = find_run(runs.artifacts, FIRST)
    names = [name for name in whole.manifest.files if name.endswith((".json", ".parquet"))]
    commands = [
        ["show", FIRST],
        ["compare", SECOND, FIRST],
        ["export", "model-card", FIRST],
        ["export", "tensorboard", FIRST, str(tmp_path / "curves")],
    ]
    statuses = Counter[object]()
    for name in names:
        content = (whole.folder / name).read_bytes()
        for odd in ODD:
            rewritten(whole, name, odd)
            for words in commands:
                status, said = 0, ""
                try:
                    runs.says(*words)
                except SystemExit as ended:
                    status, said = int(ended.code or 0), runs.capsys.readouterr().err
                assert said.count("error: ") == status, (name, odd, words)
                statuses[status] += 1
        rewritten(whole, name, content)
    assert statuses.keys() == {0, 1}


def test_an_empty_folder_says_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = Command(main, tmp_path, capsys)
    assert runs.says("list") == f"no runs in {tmp_path}/runs; make one with: make train\n"
    assert runs.answers("list") == {"runs": [], "unreadable": []}


def test_a_run_is_shown_with_its_score_settings_data_and_files(runs: Command) -> None:
    shown = runs.says("show", "bbbb" * 2)
    for part in (
        "Test Accuracy: 0.7500 (95 % interval 0.3750 to 1.0000; honest protocol, 8 test reviews,"
        " source files)",
        "0.7500 (0.7500 to 0.7500), TF-IDF + logistic regression",
        "seed 1 (default 0)",
        "80 training reviews (train), 8 test reviews (test); 1 of these occur in training",
        "cpu was requested",
        "keras 3.15.1",
        "as before",
        "predictions.parquet",
    ):
        assert part in shown
    assert "stop_patience" not in shown


def test_runs_are_compared_in_the_terminal(runs: Command) -> None:
    make_run(runs.artifacts, "20260103T000000Z-dddddddd", protocol="tutorial")
    shown = runs.says("compare", FIRST, "bbbbbbbb", "latest")
    assert "\n* not comparable with the first run: other protocol (tutorial chooses on" in shown
    assert "\ndddddddd* files tutorial 0.7500 (0.3750 to 1.0000)" in re.sub(" +", " ", shown)
    assert "aaaaaaaa, not comparable: other protocol (tutorial chooses on the test set)" in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("seed")] == [
        ["seed", "0", "1", "0"]
    ]
    assert "keras" not in shown


def test_every_command_answers_in_json_too(runs: Command, tmp_path: Path) -> None:
    page, card = str(tmp_path / "c.html"), str(tmp_path / "card.md")
    for words in (
        ["list"],
        ["page"],
        ["show", "latest"],
        ["compare", FIRST, SECOND, "--html", page],
        ["export", "model-card", "latest"],
        ["export", "model-card", "latest", card],
        ["export", "tensorboard", "latest", str(tmp_path / "logs")],
    ):
        assert runs.answers(*words)
    for words in (
        ["compare", FIRST, SECOND, "--html", page],
        ["export", "model-card", "latest", card],
    ):
        status, shown = runs.refuses(*words)
        assert status == 1
        assert "is there already; remove it or" in " ".join(shown.split())
    listed = runs.answers("list")
    assert [run["run_id"] for run in listed["runs"]] == [THIRD, SECOND, FIRST]
    compared = runs.answers("compare", FIRST, SECOND)
    assert compared["against_first"][0]["test"]["p_value"] == 1


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ("show", 2, 'Command "show" parameter RUN requires an argument'),
        ("compare latest", 2, "compare needs at least two different runs"),
        ("compare latest cccccccc", 2, "compare needs at least two different runs"),
        ("show nothing", 1, "'nothing' names no run in"),
        ("show 2026", 1, "'2026' names 3 runs in"),
        ("list --unheard-of", 2, "Unknown option"),
        ("show aaaaaaaa", 1, "metrics.json has 2 bytes instead of"),
        (
            f"export model-card latest {{artifacts}}/runs/{FIRST}/manifest.json/card.md",
            1,
            "manifest.json cannot be used: File exists; fix it or name",
        ),
        ("forget latest", 2, 'Unknown command "forget"'),
    ],
)
def test_a_mistake_is_one_sentence(runs: Command, words: str, status: int, sentence: str) -> None:
    (runs.artifacts / "runs" / FIRST / "metrics.json").write_text("{}")
    code, error = runs.refuses(*words.format(artifacts=runs.artifacts).split())
    assert code == status
    assert error.startswith("error: ")
    assert sentence in error


def test_a_real_run_and_its_cached_repetition_are_listed_compared_and_used(
    done: RunSummary,
    small_reviews: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, artifacts = done.folder, done.folder.parent.parent
    runs = Command(main, artifacts, capsys)
    time.sleep(1)  # runs of one second have no order
    again = start_run(artifacts, small_reviews).folder
    lines = runs.says("list").splitlines()
    training = read_manifest(first).training
    epochs = f"{training.best_epoch}/{training.epochs_run}"
    assert [line.split()[-1] for line in lines[2:]] == ["all", epochs]
    shown = runs.says("compare", str(first), again.name)
    assert f"{again.name[-8:]} has the same weights as {first.name[-8:]}." in shown
    assert re.search(r"^differences\nnone$", shown, re.MULTILINE)
    assert "no earlier result" in runs.says("show", first.name)

    card = runs.says("export", "model-card", "latest")
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    monkeypatch.chdir(again)
    exec(compile(code, "model card", "exec"), {})  # the card's own example
    assert 0 < float(capsys.readouterr().out.strip("[]\n")) < 1


def test_a_run_is_pinned_and_marked_until_it_is_unpinned(runs: Command) -> None:
    assert runs.says("pin", "bbbbbbbb") == f"{SECOND} is pinned\n"
    lines = runs.says("list").splitlines()
    assert lines[3].split()[:2] == ["bbbbbbbb", "pinned"]
    assert runs.answers("unpin", "bbbbbbbb") == {"pinned": []}
    assert "pinned" not in runs.says("list")
