import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.cli.runs import main
from tasks.run_summary import RunSummary
from tasks.runs.manifest import read_manifest
from tests.support.made_runs import FIRST, SECOND, THIRD, age, make_run
from tests.support.refusals import refusal
from tests.support.start_run import start_run

ROOT = Path(__file__).parents[3]


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    for name in (FIRST, SECOND, THIRD):
        make_run(tmp_path, name, seed=int(name == SECOND))
    return tmp_path


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def said(capsys: pytest.CaptureFixture[str], artifacts: Path, *words: str) -> str:
    main([*words, "--artifacts", str(artifacts)])
    return capsys.readouterr().out


def test_the_list_shows_each_score_with_interval_baseline_source_and_protocol(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = said(capsys, artifacts, "list").splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["cccccccc", "bbbbbbbb", "aaaaaaaa"]
    assert " ".join(lines[3].split()) == (
        "bbbbbbbb 2026-01-02 00:00 files honest 1 0.7500 (0.3750 to 1.0000) 0.7500 2/2 all"
    )


@pytest.mark.parametrize("columns", [80, 160])
def test_no_number_of_a_table_is_cut_in_a_narrow_terminal(
    artifacts: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = said(capsys, artifacts, "list") + said(
        capsys, artifacts, "compare", FIRST, SECOND, THIRD
    )
    assert "…" not in shown
    assert "(0.3750 to 1.0000)" in shown
    assert max(len(line) for line in shown.splitlines() if "0.7500" in line) <= columns
    assert shown.count("+0.0000 (-0.2772 to +0.2772)") == 2 + 2 * 3


def test_what_cannot_be_read_is_one_line_below_the_list(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    age(make_run(artifacts, "20260103T000000Z-dddddddd"))
    lines = said(capsys, artifacts, "list").splitlines()
    assert len(lines) == 6
    assert lines[-1].startswith("passed over: ")
    assert lines[-1].endswith("(its schema_version is 1, not 2); start that run again")


def test_an_empty_folder_says_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, tmp_path, "list") == (
        f"no runs in {tmp_path}/runs; make one with: make train\n"
    )
    assert json.loads(said(capsys, tmp_path, "list", "--json")) == {"runs": [], "unreadable": []}


def test_a_run_is_shown_with_its_score_settings_data_and_files(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = said(capsys, artifacts, "show", "bbbb" * 2)
    for part in (
        "Test Accuracy: 0.7500 (95 % interval 0.3750 to 1.0000; honest protocol, 8 test reviews",
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


def test_runs_are_compared_in_the_terminal(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(artifacts, "20260103T000000Z-dddddddd", protocol="tutorial")
    shown = said(capsys, artifacts, "compare", FIRST, "bbbbbbbb", "latest")
    assert "not comparable: other protocol (tutorial chooses on the test set)" in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("seed")] == [
        ["seed", "0", "1", "0"]
    ]
    assert "keras" not in shown


def test_every_command_answers_in_json_too(
    artifacts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, card = str(tmp_path / "c.html"), str(tmp_path / "card.md")
    for words in (
        ["list"],
        ["show", "latest"],
        ["compare", FIRST, SECOND, "--html", page],
        ["export", "model-card", "latest"],
        ["export", "model-card", "latest", card],
        ["export", "tensorboard", "latest", str(tmp_path / "logs")],
    ):
        assert json.loads(said(capsys, artifacts, *words, "--json"))
    listed = json.loads(said(capsys, artifacts, "list", "--json"))
    assert [run["run_id"] for run in listed["runs"]] == [THIRD, SECOND, FIRST]
    compared = json.loads(said(capsys, artifacts, "compare", FIRST, SECOND, "--json"))
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
def test_a_mistake_is_one_sentence(
    artifacts: Path, capsys: pytest.CaptureFixture[str], words: str, status: int, sentence: str
) -> None:
    (artifacts / "runs" / FIRST / "metrics.json").write_text("{}")
    words = f"{words.format(artifacts=artifacts)} --artifacts {artifacts}"
    code, error = refusal(main, words, capsys)
    assert code == status
    assert error.startswith("error: ")
    assert sentence in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "words", ["list", "show latest", f"compare {FIRST} latest", "export model-card latest"]
)
def test_neither_prefect_nor_tensorflow_is_imported(artifacts: Path, words: str) -> None:
    code = (
        "import sys; from flows.cli.runs import main\n"
        f"main({[*words.split(), '--artifacts', str(artifacts)]!r})\n"
        "assert not {'prefect', 'tensorflow', 'keras', 'mlflow'} & set(sys.modules)\n"
        f"assert {words.startswith('compare')} or not {{'pyarrow', 'numpy'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_a_real_run_and_its_cached_repetition_are_listed_compared_and_used(
    done: RunSummary,
    small_reviews: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, artifacts = done.folder, done.folder.parent.parent
    time.sleep(1)  # runs of one second have no order
    again = start_run(artifacts, small_reviews).folder
    lines = said(capsys, artifacts, "list").splitlines()
    training = read_manifest(first).training
    epochs = f"{training.best_epoch}/{training.epochs_run}"
    assert [line.split()[-1] for line in lines[2:]] == ["all", epochs]
    shown = said(capsys, artifacts, "compare", str(first), again.name)
    assert f"{again.name[-8:]} has the same weights as {first.name[-8:]}." in shown
    assert re.search(r"^differences\nnone$", shown, re.MULTILINE)
    assert "no earlier result" in said(capsys, artifacts, "show", first.name)

    card = said(capsys, artifacts, "export", "model-card", "latest")
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    monkeypatch.chdir(again)
    exec(compile(code, "model card", "exec"), {})  # the card's own example
    assert 0 < float(capsys.readouterr().out.strip("[]\n")) < 1


def test_a_run_is_pinned_and_marked_until_it_is_unpinned(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, artifacts, "pin", "bbbbbbbb") == f"{SECOND} is pinned\n"
    lines = said(capsys, artifacts, "list").splitlines()
    assert lines[3].split()[:2] == ["bbbbbbbb", "pinned"]
    assert json.loads(said(capsys, artifacts, "unpin", "bbbbbbbb", "--json")) == {"pinned": []}
    assert "pinned" not in said(capsys, artifacts, "list")
