"""What stands in a user's environment: each fault of it is one sentence, or harmless."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flows.pipelines.in_process import ChildFailedError, in_process
from tasks.config.request import TrainOptions
from tasks.run_summary import RunSummary
from tasks.runs.failures import read_failures
from tests.support.commands import run_script
from tests.support.promotions import decide, make_challenger, run_id
from tests.support.run_forker import RunForker
from tests.support.small_run import small_config, write_reviews
from tests.support.terminal_run import (
    LIMIT_S,
    SLOW_NGRAM_RUN,
    from_file,
    start_terminal_run,
    wait_for_line,
)

FLOWS = Path(__file__).parents[3] / "flows"

NOWHERE = "http://127.0.0.1:9/api"


def in_profile(*lines: str) -> str:
    return "\n".join(['active = "mine"', "[profiles.mine]", *lines])


@pytest.mark.parametrize(
    ("profile", "settings", "sentence"),
    [
        ("active = ", {}, "Invalid value"),
        pytest.param("profiles = 3", {}, "Prefect cannot use its settings", marks=pytest.mark.slow),
        pytest.param(
            in_profile('PREFECT_LOGGING_LEVEL="LOUD"'),
            {},
            "correct it in home/profiles.toml",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "",
            {"PREFECT_LOGGING_LEVEL": "LOUD"},
            "correct PREFECT_LOGGING_LEVEL in the environment",
            marks=pytest.mark.slow,
        ),
        (
            "",
            {"PREFECT_CLIENT_MAX_RETRIES": "many"},
            "max_retries='many': must be a valid integer, unable to parse string as an integer; "
            "correct PREFECT_CLIENT_MAX_RETRIES in the environment",
        ),
        pytest.param(
            "",
            {"PREFECT_API_REQUEST_TIMEOUT": "x"},
            "correct PREFECT_API_REQUEST_TIMEOUT",
            marks=pytest.mark.slow,
        ),
        ("", {"PREFECT_HOME": "a file/home"}, "set PREFECT_HOME to a folder that can be written"),
        (in_profile(), {}, "no temporary one is allowed; start one with `prefect server start`"),
        ("", {"PREFECT_API_URL": NOWHERE}, "use a temporary one: `unset PREFECT_API_URL`"),
        pytest.param(
            in_profile(f'PREFECT_API_URL="{NOWHERE}"'),
            {},
            "use a temporary one: `prefect config unset PREFECT_API_URL`",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_setting_of_prefect_that_cannot_work_is_told_in_one_sentence(
    tmp_path: Path, profile: str, settings: dict[str, str], sentence: str
) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "home").mkdir()
    if profile:
        (tmp_path / "home/profiles.toml").write_text(profile)
    reviews = from_file(write_reviews(tmp_path / "reviews.csv", 120))
    own = {"PREFECT_HOME": "home"} | settings
    ended = run_script(tmp_path, "train_flow.py", *reviews, **own)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("error: ")
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "artifacts").exists()


def test_a_temporary_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    reviews = from_file(write_reviews(tmp_path / "reviews.csv", 120))
    database = {"PREFECT_API_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:////nowhere/prefect.db"}
    ended = run_script(tmp_path, "train_flow.py", *reviews, **database)
    assert (ended.returncode, ended.stdout) == (1, "")
    fault, ending, sentence = ended.stderr.splitlines()
    assert fault.endswith("unable to open database file")
    assert "uvicorn.error" in ending
    assert sentence.startswith("error: Prefect's temporary server did not start")


def test_a_decision_stands_where_prefect_cannot_use_its_settings(tmp_path: Path) -> None:
    for number in (1, 2):
        decide(tmp_path, make_challenger(tmp_path, number, 18 * number))
    own = {"PREFECT_API_URL": NOWHERE, "PREFECT_LOGGING_LEVEL": "LOUD"}
    ended = run_script(tmp_path, "promote.py", "rollback", f"--artifacts={tmp_path}", **own)
    assert ended.returncode == 0
    assert ended.stdout.startswith(f"rolled back: {run_id(1)}")
    assert ended.stderr.startswith("the decision stands, but")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "settings",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["ascii", "C"],
)
def test_what_the_output_cannot_write_is_replaced(tmp_path: Path, settings: dict[str, str]) -> None:
    ended = run_script(tmp_path, "train_flow.py", "--list-recipes", **settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "  test accuracy 0.8806 ? 0.0031 over" in ended.stdout
    decide(tmp_path, make_challenger(tmp_path, 1, 18), reason="für uns")
    words = ("history", "--json", f"--artifacts={tmp_path}")
    ended = run_script(tmp_path, "promote.py", *words, **settings)
    assert "für uns" in ended.stdout  # JSON is UTF-8 everywhere


def test_what_prefect_refuses_when_a_run_begins_is_told_in_one_sentence(
    forker: RunForker, prefect_server: str, tmp_path: Path
) -> None:
    log = tmp_path / "run.log"
    reviews = from_file(write_reviews(tmp_path / "reviews.csv", 120))
    block = "local-file-system/nowhere"
    run = forker.start(log, prefect_server, *reviews, PREFECT_DEFAULT_RESULT_STORAGE_BLOCK=block)
    assert run.wait() == 1
    last = log.read_text().splitlines()[-1]
    assert last.startswith("error: Prefect cannot run train-sentiment: Unable to find block")
    assert "Traceback" not in log.read_text()


def test_prefect_is_silent_on_its_last_events() -> None:
    code = (
        "from flows.orchestration.process import set_process_up; set_process_up();"
        "from prefect.logging.configuration import setup_logging; setup_logging();"
        "from prefect.events.worker import EventsWorker; from prefect.events import clients;"
        "said = EventsWorker(clients.NullEventsClient, ())._logger;"
        "said.warning('Still processing'); said.error('lost')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = done.stdout + done.stderr
    assert "lost" in said
    assert "Still processing" not in said


def test_ctrl_c_ends_with_one_line_and_leaves_a_record(tmp_path: Path) -> None:
    """It goes to all processes of the terminal; the temporary server still takes the records."""
    reviews = from_file(write_reviews(tmp_path / "reviews.csv", 1000))
    run = start_terminal_run(tmp_path, *reviews, *SLOW_NGRAM_RUN)
    wait_for_line(tmp_path, run, "load: ")
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(LIMIT_S) == -signal.SIGINT
    log = (tmp_path / "run.log").read_text()
    assert log.count("\nerror: interrupted; what was finished is kept") == 1
    assert "Traceback" not in log
    (failure,) = read_failures(tmp_path / "artifacts").failures
    assert failure.state == "Crashed"


@pytest.fixture
def namesakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages of others named as ours, in the working folder and early on the path."""
    for name in ("flows", "tasks"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise AssertionError('of another project')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("script", ["train_flow.py", "runs.py", "set_up_server.py"])
def test_packages_of_others_that_are_named_as_ours_are_not_taken(
    namesakes: Path, script: str
) -> None:
    ended = run_script(namesakes, script, "--help")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_every_program_puts_our_packages_first() -> None:
    programs = [file for file in FLOWS.glob("*.py") if file.name != "__init__.py"]
    first = "sys.path.insert(0, str(Path(__file__).resolve().parents[1]))"
    assert [file.name for file in programs if first not in file.read_text()] == []


def test_a_trial_in_its_own_process_takes_our_packages_too(
    namesakes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = small_config(namesakes / "missing.csv")
    artifacts = namesakes / "artifacts"
    request = TrainOptions(config=config, accelerator="cpu", artifacts=artifacts)
    with pytest.raises(ChildFailedError, match="the trial ended with status 1; its lines above"):
        in_process(request, RunSummary, NOWHERE, "the trial")
    shown = capfd.readouterr().err
    assert "of another project" not in shown
    assert f"the Prefect server at {NOWHERE} does not answer" in shown
