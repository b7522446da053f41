"""A real server that looks after real runs while nobody looks."""

import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flows.cli.app import main
from flows.cli.runs import app
from flows.cli.server import set_up_app
from flows.scheduling.automations import CLOSE_SILENT_RUNS, NOTIFY_OF_FAILURES
from tasks.config.operations import HEARTBEAT_SECONDS
from tasks.runs.failures import read_failures
from tests.support.commands import refusal, run_script
from tests.support.polling import wait_for
from tests.support.run_forker import RunForker
from tests.support.servers.browser import needs_browser
from tests.support.servers.deploy_files import server_settings
from tests.support.servers.prefect_pages import MOSTLY_V1, ask, assert_page_shows
from tests.support.servers.real_server import prefect_server_process, talk_to
from tests.support.servers.webhook_receiver import webhook_receiver
from tests.support.small_run import write_reviews
from tests.support.terminal_run import (
    SLOW_NGRAM_RUN,
    SMALL_NETWORK,
    from_file,
    kill_run,
    start_terminal_run,
    wait_for_line,
)

SHORTEST_S = 10


@dataclass
class Served:
    """A server that was set up, and the messages that it sent."""

    api: str
    home: Path
    hook: str
    messages: list[dict[str, Any]]


def set_up(folder: Path, api: str | None, *options: str) -> subprocess.CompletedProcess[str]:
    """Give the command for the server at `api`."""
    own = {"PREFECT_API_URL": api} if api else {}
    return run_script(folder, "set_up_server.py", *options, **own)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that closes silent runs as early as Prefect allows, and tells of failures."""
    home = tmp_path_factory.mktemp("server")
    server = prefect_server_process(home, **server_settings())
    with server as (api, _), webhook_receiver() as (hook, messages):
        yield Served(api, home, hook, messages)


@pytest.fixture(scope="module")
def changes(served: Served) -> list[list[str]]:
    """What the command says when it is given twice."""
    options = (f"--silent-seconds={SHORTEST_S}", f"--notify-url={served.hook}")
    ended = [set_up(served.home, served.api, *options) for _ in range(2)]
    assert [(run.returncode, run.stderr) for run in ended] == [(0, "")] * 2
    return [run.stdout.splitlines() for run in ended]


def runs_in_state(api: str, state: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = ask(api, "flow_runs")
    return [run for run in runs if run["state_name"] == state]


def test_the_command_can_be_given_again_and_changes_nothing(
    served: Served, changes: list[list[str]]
) -> None:
    names = ["sentiment: close silent runs", "sentiment: notify of failures"]
    assert changes[0][:2] == [f"{name}: created" for name in names]
    assert changes[1][:2] == [f"{name}: unchanged" for name in names]
    assert sorted(automation["name"] for automation in ask(served.api, "automations")) == names
    assert "may close runs that live" in changes[0][2]


@pytest.fixture(scope="module")
def killed(
    served: Served,
    changes: list[list[str]],  # noqa: ARG001 - sets the server up
    forker: RunForker,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """The id of a run whose whole process group was killed."""
    folder = tmp_path_factory.mktemp("killed")
    options = [*from_file(write_reviews(folder / "reviews.csv", 1000)), *SLOW_NGRAM_RUN]
    run = forker.start(folder / "run.log", served.api, *options)
    wait_for_line(folder, run, "load: ")
    (running,) = runs_in_state(served.api, "Running")
    kill_run(run, signal.SIGKILL)
    return str(running["id"])


def test_a_run_that_fails_leaves_a_record_and_is_told_of(
    served: Served,
    killed: str,
    forker: RunForker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert killed  # it becomes silent in the meantime
    (tmp_path / "reviews.csv").write_text("text,label\na film,pos\nthe film,neg\n")
    options = from_file(tmp_path / "reviews.csv")
    assert forker.start(tmp_path / "run.log", served.api, *options, "--seed=7").wait() == 1
    log = (tmp_path / "run.log").read_text()
    assert "Traceback" not in log
    (failure,) = read_failures(tmp_path / "artifacts").failures
    assert failure.reason in log.splitlines()[-1]
    assert log.count(failure.reason) == 1
    assert (failure.flow, failure.state) == ("train-sentiment", "Failed")
    assert failure.last_step == "load"
    assert failure.parameters["config"]["fit"]["seed"] == 7
    assert failure.next.startswith("fix what the reason names, then start the same command again")
    told = wait_for(lambda: _told_of(served, failure.flow_run_id))
    assert (told["state"], told["flow"]) == ("Failed", "train-sentiment")
    assert failure.reason in told["message"]

    main(app, ["failures", "--artifacts", str(tmp_path / "artifacts")])
    shown = capsys.readouterr().out
    assert "train-sentiment, reviews-tutorial-honest-seed7: Failed in load" in shown
    assert " ".join(failure.reason.split()) in " ".join(shown.split())


def test_a_run_that_is_terminated_leaves_a_record(
    served: Served, killed: str, forker: RunForker, tmp_path: Path
) -> None:
    assert killed
    options = [*from_file(write_reviews(tmp_path / "reviews.csv", 1000)), *SLOW_NGRAM_RUN]
    run = forker.start(tmp_path / "run.log", served.api, *options)
    wait_for_line(tmp_path, run, "load: ")
    kill_run(run, signal.SIGTERM)
    (failure,) = read_failures(tmp_path / "artifacts").failures
    assert failure.state == "Crashed"
    assert failure.last_step is not None
    assert failure.next.startswith("start the same command again")
    assert wait_for(lambda: _told_of(served, failure.flow_run_id))["state"] == "Crashed"


def _told_of(served: Served, flow_run_id: str) -> dict[str, Any] | None:
    return next((one for one in served.messages if one["flow_run_id"] == flow_run_id), None)


def test_a_run_whose_process_group_was_killed_becomes_crashed_and_is_told_of(
    served: Served, killed: str
) -> None:
    crashed = wait_for(
        lambda: next((r for r in runs_in_state(served.api, "Crashed") if r["id"] == killed), None)
    )
    assert f"no heartbeat for {SHORTEST_S} seconds" in crashed["state"]["message"]
    assert "start the same command again" in crashed["state"]["message"]
    told = wait_for(lambda: _told_of(served, killed))
    assert (told["flow"], told["state"]) == ("train-sentiment", "Crashed")
    assert told["message"] == crashed["state"]["message"]
    assert told["text"].startswith(
        "train-sentiment run reviews-ngrams-honest-seed0: Crashed. The process"
    )


def test_a_living_run_that_was_closed_by_mistake_still_ends_as_completed(
    served: Served, changes: list[list[str]]
) -> None:
    """As after a server that was away, or a machine that slept."""
    from prefect import flow, get_client, runtime

    assert changes
    states = []

    @flow(name="maintain-artifacts")
    def lives_on() -> None:
        states.append(wait_for(lambda: _closed(served.api, runtime.flow_run.id)))

    with talk_to(served.api), get_client(sync_client=True) as client:
        state = lives_on(return_state=True)
        assert state.state_details.flow_run_id is not None
        run = client.read_flow_run(state.state_details.flow_run_id)
    assert states == ["Crashed"]
    assert run.state is not None
    assert run.state.is_completed()


def _closed(api: str, flow_run_id: str) -> str | None:
    (run,) = ask(api, "flow_runs", flow_runs={"id": {"any_": [flow_run_id]}})
    return None if run["state_name"] == "Running" else str(run["state_name"])


@needs_browser
@pytest.mark.parametrize("ui", MOSTLY_V1)
def test_the_page_of_the_automations_shows_what_the_server_does(
    served: Served, changes: list[list[str]], ui: str, screenshots: Path
) -> None:
    assert changes
    texts = [CLOSE_SILENT_RUNS, NOTIFY_OF_FAILURES]
    picture = screenshots / f"{ui}_automations.png"
    assert_page_shows(served.api, ui, "/automations", texts, picture)


@needs_browser
@pytest.mark.parametrize("ui", MOSTLY_V1)
def test_the_page_of_a_killed_run_says_why_it_is_crashed_and_what_to_do(
    served: Served, killed: str, ui: str, screenshots: Path
) -> None:
    wait_for(lambda: killed in [run["id"] for run in runs_in_state(served.api, "Crashed")])
    path = f"/runs/flow-run/{killed}?tab=Details"
    texts = ["Crashed", f"sent no heartbeat for {SHORTEST_S} seconds"]
    assert_page_shows(served.api, ui, path, texts, screenshots / f"{ui}_crashed.png")


@pytest.mark.parametrize(
    ("api", "sentence"),
    [
        (None, "error: no Prefect server is configured; start one with `prefect server start`"),
        ("http://127.0.0.1:9/api", "does not answer (ConnectError); start it"),
    ],
)
def test_a_server_that_cannot_be_set_up_is_told_in_one_sentence(
    api: str | None, sentence: str, tmp_path: Path
) -> None:
    ended = set_up(tmp_path, api)
    assert ended.returncode != 0
    assert sentence in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--silent-seconds=5", "error: --silent-seconds"),
        ("--notify-url=slack/secret", "error: --notify-url: must be an address of http:// or"),
    ],
)
def test_an_option_that_cannot_be_is_told_without_what_may_be_secret(
    option: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = refusal(partial(main, set_up_app), option, capsys)
    assert status == 2
    assert said.startswith(sentence)
    assert "secret" not in said


@pytest.mark.slow
def test_with_the_defaults_a_killed_run_is_closed_and_a_living_one_is_not(tmp_path: Path) -> None:
    """Both run for more than the 90 seconds that a run may be silent."""
    folders = [tmp_path / "killed", tmp_path / "living"]
    home = tmp_path / "server"
    with prefect_server_process(home) as (api, _):
        assert set_up(home, api).returncode == 0
        runs = []
        for folder in folders:
            folder.mkdir()
            reviews = from_file(write_reviews(folder / "reviews.csv", 2000))
            long = [*SMALL_NETWORK, "--batch-size=2", "--epochs=100", "--stop-patience=100"]
            runs.append(start_terminal_run(folder, *reviews, *long, PREFECT_API_URL=api))
            wait_for_line(folder, runs[-1], "epoch 1/100")
        time.sleep(HEARTBEAT_SECONDS + 1)
        assert len(runs_in_state(api, "Running")) == 2
        kill_run(runs[0], signal.SIGKILL)
        killed = time.monotonic()
        (crashed,) = wait_for(lambda: runs_in_state(api, "Crashed"), 240)
        assert time.monotonic() - killed > HEARTBEAT_SECONDS
        assert "no heartbeat for 90 seconds" in crashed["state"]["message"]
        (living,) = runs_in_state(api, "Running")
        assert living["id"] != crashed["id"]
        kill_run(runs[1], signal.SIGKILL)
