"""A real server and a real serve process, whose schedule fires every few seconds."""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks.champion import ChampionStore
from tasks.promotion_event import current_champion
from tests.polling import wait_for
from tests.prefect_pages import ask
from tests.real_server import prefect_server_process
from tests.serve_process import (
    MAINTAIN,
    RETRAIN,
    ROOT,
    environment,
    runs_of,
    small_options,
    start_process,
    state_of,
)
from tests.small_run import write_reviews
from tests.terminal_run import FIVE_EPOCHS, wait_for_log

LIMIT_S = 180
EVERY_S = 4


@dataclass
class Schedule:
    """A folder with reviews, a server, and how to serve the one to the other."""

    folder: Path
    api: str

    def serve(self) -> subprocess.Popen[bytes]:
        """Start the serve process as a user does."""
        options = small_options(self.folder / "reviews.csv", *FIVE_EPOCHS, "--batch-size=2")
        return start_process(
            self.folder, self.api, "serve_flow.py", *options, f"--interval={EVERY_S}s"
        )

    def states(self) -> list[tuple[str, str]]:
        """Return type and name of the states of all runs that are due by now."""
        return [state_of(run) for run in runs_of(self.api)]

    def running(self) -> list[dict[str, Any]]:
        """Return the runs that are Running."""
        return [run for run in runs_of(self.api) if run["state"]["type"] == "RUNNING"]


@pytest.fixture(scope="module")
def schedule(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Schedule]:
    folder = tmp_path_factory.mktemp("schedule")
    write_reviews(folder / "reviews.csv", 300)
    (folder / "server").mkdir()
    with prefect_server_process(folder / "server") as (api, _):
        yield Schedule(folder, api)


def wait_until(happens: Callable[[], object], served: subprocess.Popen[bytes]) -> None:
    def happened() -> object:
        assert served.poll() is None, "the serve process ended"
        return happens()

    wait_for(happened, LIMIT_S)


def stop(served: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Tell the process to stop, and require that it does, in good order."""
    served.send_signal(how)
    assert served.wait(LIMIT_S) == 0


def is_active(api: str) -> bool:
    """Tell whether the schedule of the retraining is not paused."""
    (deployment,) = ask(
        api,
        "deployments",
        flows={"name": {"any_": [RETRAIN]}},
        deployments={"name": {"any_": ["scheduled"]}},
    )
    return not deployment["paused"] and all(each["active"] for each in deployment["schedules"])


# Before the schedule of seconds, which keeps the server's database busy.
def test_prefect_deploy_puts_both_deployments_on_the_server_and_a_worker_runs_one(
    schedule: Schedule,
) -> None:
    pool = "prefect work-pool create retraining --type process"
    for command in (pool, "prefect deploy --all"):
        assert command in (ROOT / "docs/scheduling.md").read_text()
        subprocess.run(
            [sys.executable, "-m", *shlex.split(command)],
            cwd=ROOT,
            env=environment(schedule.folder, schedule.api),
            stdin=subprocess.DEVNULL,
            check=True,
        )
    deployed = {each["name"]: each for each in ask(schedule.api, "deployments")}
    assert deployed["nightly"]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert deployed["weekly"]["parameters"]["apply"] is True

    # A dry run on an empty folder: the worker needs no training to show that it runs what is due.
    given = {"artifacts": str(schedule.folder / "other"), "apply": False}
    subprocess.run(
        [sys.executable, "-m", "prefect", "deployment", "run", "maintain-artifacts/weekly"]
        + [word for name in given for word in ("--param", f"{name}={json.dumps(given[name])}")],
        env=environment(schedule.folder, schedule.api),
        check=True,
    )
    worker = start_process(
        schedule.folder, schedule.api, "worker.py", "--pool=retraining", log="worker.log"
    )
    wait_until(
        lambda: ("COMPLETED", "Completed") in map(state_of, runs_of(schedule.api, MAINTAIN)), worker
    )
    stop(worker, signal.SIGTERM)


@pytest.mark.parametrize(
    "how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_run_that_is_stopped_waits_and_goes_on_and_what_was_missed_is_made_up_for_once(
    schedule: Schedule, how: signal.Signals
) -> None:
    def reasons() -> list[str]:
        runs = runs_of(schedule.api)
        return [run["state"]["message"] for run in runs if run["state"]["name"] == "Skipped"]

    write_reviews(schedule.folder / "reviews.csv", 300, seed=int(how))
    log = schedule.folder / "serve.log"
    before = len(log.read_text()) if log.exists() else 0
    served = schedule.serve()
    wait_for_log(log, "epoch 2/5", served, before)
    (run,) = schedule.running()
    stop(served, how)
    assert schedule.running() == []
    interrupted = {run["id"]: run["state"] for run in runs_of(schedule.api)}[run["id"]]
    assert (interrupted["type"], interrupted["name"]) == ("SCHEDULED", "Interrupted")
    assert "goes on from the saved state" in interrupted["message"]
    assert is_active(schedule.api)

    time.sleep(5 * EVERY_S)
    done = schedule.states().count(("COMPLETED", "Completed"))
    before = len(log.read_text())
    again = schedule.serve()
    wait_until(lambda: schedule.states().count(("COMPLETED", "Completed")) > done, again)
    wait_until(lambda: any("nothing has changed since run " in why for why in reasons()), again)
    assert any("makes up for it" in why for why in reasons())
    states = schedule.states()
    assert states.count(("COMPLETED", "Completed")) == done + 1
    assert states.count(("CANCELLED", "Skipped")) >= 4
    assert not {kind for kind, _ in states} & {"FAILED", "CRASHED"}
    stop(again, how)
    assert schedule.running() == []
    assert is_active(schedule.api)
    assert "going on after epoch" in log.read_text()[before:]

    store = ChampionStore(schedule.folder / "artifacts")
    champion = current_champion(store.events())
    assert champion is not None
    assert (schedule.folder / "artifacts/runs" / champion.run_id).is_dir()
