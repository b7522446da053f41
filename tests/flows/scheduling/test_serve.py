"""A real server and a real serve process, whose schedule fires every few seconds."""

import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prefect import get_client

from tasks.config.run_form import RunForm
from tasks.registry.champion import ChampionStore
from tasks.registry.events import current_champion
from tests.support.polling import wait_for
from tests.support.servers.browser import needs_browser
from tests.support.servers.prefect_pages import MOSTLY_V1, ask, assert_page_shows
from tests.support.servers.real_server import prefect_server_process
from tests.support.servers.serve_process import (
    MAINTAIN,
    RETRAIN,
    ROOT,
    run_deployment,
    run_prefect,
    runs_of,
    small_options,
    start_process,
    state_of,
)
from tests.support.small_run import write_reviews
from tests.support.start_run import ngram_config
from tests.support.terminal_run import FIVE_EPOCHS, wait_for_log

LIMIT_S = 180

EVERY_S = 10

MISSED = 3

UNCHANGED = "nothing has changed since run "

FINAL = ("COMPLETED", "CANCELLED", "FAILED", "CRASHED")

SHOWN = 60
"""How much of a long message Prefect's pages show at once."""


@dataclass
class Schedule:
    """A folder with reviews, a server, and how to serve the one to the other."""

    folder: Path
    api: str

    def serve(self) -> subprocess.Popen[bytes]:
        """Start the serve process as a user does."""
        options = small_options(self.folder / "reviews.csv", *FIVE_EPOCHS, "--batch-size=1")
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
def schedule(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Schedule]:
    yield Schedule(tmp_path_factory.mktemp("schedule"), prefect_server)
    with get_client(sync_client=True) as client:
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)


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
def test_prefect_deploy_puts_all_deployments_on_the_server_and_a_worker_runs_one(
    schedule: Schedule,
) -> None:
    pool = "prefect work-pool create retraining --type process"
    for command in (pool, "prefect deploy --all"):
        assert command in (ROOT / "docs/scheduling.md").read_text()
        run_prefect(schedule.folder, schedule.api, *shlex.split(command)[1:])
    deployed = {each["name"]: each for each in ask(schedule.api, "deployments")}
    assert deployed["nightly"]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert deployed["weekly"]["parameters"]["apply"] is True
    forms = {name: deployed[name]["parameter_openapi_schema"] for name in ("simple", "expert")}
    assert forms["simple"]["properties"].keys() == RunForm.model_fields.keys()
    assert "config" in forms["expert"]["properties"]

    # A dry run on an empty folder: the worker needs no training to show that it runs what is due.
    other = str(schedule.folder / "other")
    run_deployment(schedule.api, f"{MAINTAIN}/weekly", artifacts=other, apply=False)
    worker = start_process(
        schedule.folder, schedule.api, "worker.py", "--pool=retraining", log="worker.log"
    )
    wait_until(
        lambda: ("COMPLETED", "Completed") in map(state_of, runs_of(schedule.api, MAINTAIN)), worker
    )
    stop(worker, signal.SIGTERM)


@dataclass
class Outage:
    """What is seen of a run that is stopped in its training, and of the schedule later.

    `after` are the runs that had not ended by then, until one that had nothing to do.
    """

    interrupted: dict[str, Any]
    active: list[bool]
    after: list[dict[str, Any]]
    log: str

    def missed(self) -> list[dict[str, Any]]:
        """Return the runs that another one caught up on."""
        return [run for run in self.after if "is its catch-up" in str(run["state"]["message"])]

    def unchanged(self) -> list[dict[str, Any]]:
        """Return the runs that had nothing to do."""
        return [run for run in self.after if UNCHANGED in str(run["state"]["message"])]


@pytest.fixture(
    scope="module", params=[signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def outage(schedule: Schedule, request: pytest.FixtureRequest) -> Outage:
    """Stop the serve process in a training, and serve again after some missed schedules."""
    how = request.param
    write_reviews(schedule.folder / "reviews.csv", 1000, seed=int(how))
    log = schedule.folder / "serve.log"
    served = schedule.serve()
    wait_for_log(log, "epoch 2/5", served)
    (run,) = schedule.running()
    stop(served, how)
    assert schedule.running() == []
    runs = {each["id"]: each for each in runs_of(schedule.api)}
    ended = {name for name, each in runs.items() if state_of(each)[0] in FINAL}
    active = [is_active(schedule.api)]

    time.sleep(MISSED * EVERY_S)
    again = schedule.serve()

    def others() -> list[dict[str, Any]]:
        return [each for each in runs_of(schedule.api) if each["id"] not in ended]

    wait_until(lambda: any(UNCHANGED in str(each["state"]["message"]) for each in others()), again)
    after = others()
    stop(again, how)
    assert schedule.running() == []
    active.append(is_active(schedule.api))
    return Outage(runs[run["id"]]["state"], active, after, log.read_text())


def test_a_run_that_is_stopped_waits_and_the_schedule_stays_active(outage: Outage) -> None:
    state = outage.interrupted
    assert (state["type"], state["name"]) == ("SCHEDULED", "Interrupted")
    assert "resumes from the saved state" in state["message"]
    assert outage.active == [True, True]


def test_one_run_catches_up_on_all_that_were_missed(outage: Outage) -> None:
    states = [state_of(run) for run in outage.after]
    assert states.count(("COMPLETED", "Completed")) == 1
    assert "resuming after epoch" in outage.log
    assert len(outage.missed()) >= MISSED
    assert {state_of(run) for run in outage.missed()} == {("CANCELLED", "Skipped")}
    assert {state_of(run) for run in outage.unchanged()} == {("COMPLETED", "Skipped")}
    assert not {kind for kind, _ in states} & {"FAILED", "CRASHED"}


def test_the_model_of_that_run_is_the_champion(schedule: Schedule, outage: Outage) -> None:
    assert outage.after
    store = ChampionStore(schedule.folder / "artifacts")
    champion = current_champion(store.events())
    assert champion is not None
    assert (schedule.folder / "artifacts/runs" / champion.run_id).is_dir()


@needs_browser
@pytest.mark.parametrize("ui", MOSTLY_V1)
@pytest.mark.parametrize(
    "kind", ["missed", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("same", "done"))]
)
def test_the_page_of_a_run_says_what_became_of_it(
    schedule: Schedule, outage: Outage, kind: str, ui: str, screenshots: Path
) -> None:
    (done,) = (run for run in outage.after if state_of(run) == ("COMPLETED", "Completed"))
    run = {"missed": outage.missed()[0], "same": outage.unchanged()[0], "done": done}[kind]
    path = f"/runs/flow-run/{run['id']}?tab=Details"
    texts = [run["state"]["name"], (run["state"]["message"] or "")[:SHOWN]]
    assert_page_shows(schedule.api, ui, path, texts, screenshots / f"{ui}_{kind}.png")


def due_runs(api: str, flow: str, name: str) -> list[dict[str, Any]]:
    """Return the runs of a flow in the state of that name."""
    return [run for run in runs_of(api, flow) if run["state"]["name"] == name]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_run_of_a_worker_that_is_stopped_resumes_when_the_worker_does(
    tmp_path: Path, how: signal.Signals
) -> None:
    write_reviews(tmp_path / "reviews.csv", 1000)
    config = ngram_config(tmp_path / "reviews.csv", epochs=5).model_dump(mode="json")
    config["fit"] |= {"batch_size": 1, "stop_patience": 9}
    given = {"config": config, "artifacts": str(tmp_path / "artifacts"), "promotion": None}
    with prefect_server_process(tmp_path / "server") as (api, _):

        def work() -> subprocess.Popen[bytes]:
            return start_process(tmp_path, api, "worker.py", "--pool=retraining", log="worker.log")

        run_prefect(tmp_path, api, "work-pool", "create", "retraining", "--type", "process")
        run_prefect(tmp_path, api, "deploy", "--all")
        run_deployment(api, f"{RETRAIN}/nightly", **given)
        worker = work()
        wait_for_log(tmp_path / "worker.log", "epoch 2/5", worker)
        stop(worker, how)
        assert len(due_runs(api, RETRAIN, "Interrupted")) == 1
        worker = work()
        wait_until(lambda: due_runs(api, RETRAIN, "Completed"), worker)
        stop(worker, how)
    assert "resuming after epoch" in (tmp_path / "worker.log").read_text()


@pytest.mark.slow
def test_queued_runs_are_not_cancelled_and_no_maintenance_works_beside_one(tmp_path: Path) -> None:
    write_reviews(tmp_path / "reviews.csv", 1000)
    options = small_options(tmp_path / "reviews.csv", *FIVE_EPOCHS, "--batch-size=1")
    options += ["--overlap=queue", f"--interval={EVERY_S}s", f"--maintain.interval={EVERY_S}s"]
    with prefect_server_process(tmp_path / "server") as (api, _):
        served = start_process(tmp_path, api, "serve_flow.py", *options)
        wait_until(lambda: due_runs(api, RETRAIN, "AwaitingConcurrencySlot"), served)
        assert len(due_runs(api, RETRAIN, "Running")) <= 1
        wait_until(lambda: due_runs(api, MAINTAIN, "Skipped"), served)
        wait_until(lambda: due_runs(api, RETRAIN, "Completed"), served)
        wait_until(lambda: due_runs(api, MAINTAIN, "Completed"), served)
        stop(served, signal.SIGTERM)
        assert due_runs(api, RETRAIN, "Cancelled") == []
        skipped = {str(run["state"]["message"]) for run in due_runs(api, MAINTAIN, "Skipped")}
        assert any("a run is in progress in" in why for why in skipped), skipped
