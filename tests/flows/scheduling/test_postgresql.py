"""Eight runs at once on one server with PostgreSQL, which may stop: nothing is lost or twice."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tasks.runs.manifest import Manifest, read_manifest
from tests.support.faults.injection import STEPS
from tests.support.polling import wait_for
from tests.support.run_forker import RunForker
from tests.support.servers.deploy_files import server_settings
from tests.support.servers.postgres import Postgres, needs_postgres, postgres_process
from tests.support.servers.prefect_pages import ask
from tests.support.servers.real_server import prefect_server_process, talk_to
from tests.support.small_run import write_reviews
from tests.support.terminal_run import SMALL_NGRAMS, from_file, wait_for_line

pytestmark = needs_postgres

RUNS = 8

SHORTEST_OUTAGE_S = 5

TASKS = set(STEPS) - {"record"}


# The shortest that Prefect allows: what ended more than an hour ago goes.
SHORT_HISTORY = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "3601",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "1",
}


@dataclass
class Served:
    """A server with the example settings that keeps its records in PostgreSQL."""

    api: str
    database: Postgres


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server as the examples have it, but with a short history."""
    home = tmp_path_factory.mktemp("server")
    with postgres_process() as database:
        own = {"PREFECT_SERVER_DATABASE_CONNECTION_URL": database.address} | SHORT_HISTORY
        with prefect_server_process(home, **server_settings() | own) as (api, _):
            yield Served(api, database)


def run_at_once(
    forker: RunForker, folder: Path, api: str, options: list[list[str]]
) -> list[Manifest]:
    """Start a run for each list of options, all at the same time; return what they recorded."""
    reviews = write_reviews(folder / "reviews.csv", 200)
    words = [*from_file(reviews), *SMALL_NGRAMS]
    logs = [folder / f"{number}.log" for number in range(len(options))]
    runs = [forker.start(log, api, *words, *own) for log, own in zip(logs, options, strict=True)]
    for log, run in zip(logs, runs, strict=True):
        assert run.wait() == 0, log.read_text()
    folders = sorted(folder.glob("artifacts/runs/*"))
    manifests = [read_manifest(folder) for folder in folders]
    assert len(manifests) == len(options)
    assert not any(map(Manifest.faults, manifests, folders))
    return manifests


def assert_all_is_recorded(api: str, manifests: list[Manifest]) -> None:
    """Each run is Completed on the server, and so is each of its task runs."""
    ids = [manifest.flow_run_id for manifest in manifests]
    chosen: dict[str, Any] = {"flow_runs": {"id": {"any_": ids}}}
    flow_runs = ask(api, "flow_runs", **chosen)
    assert sorted(run["id"] for run in flow_runs) == sorted(ids)
    assert {run["state_type"] for run in flow_runs} == {"COMPLETED"}
    every = {flow_run_id: (len(TASKS), {"COMPLETED"}) for flow_run_id in ids}
    # The server writes what it hears of task runs in batches, some seconds later.
    wait_for(lambda: _task_runs(api, chosen) == every)


def _task_runs(api: str, chosen: dict[str, Any]) -> dict[str, tuple[int, set[str]]]:
    """Return how many task runs each flow run has, and their states."""
    states = defaultdict(list)
    for run in ask(api, "task_runs", **chosen):
        states[run["flow_run_id"]].append(run["state_type"])
    return {flow_run_id: (len(of_run), set(of_run)) for flow_run_id, of_run in states.items()}


def computed(manifests: list[Manifest]) -> Counter[str]:
    return Counter(run.step for manifest in manifests for run in manifest.steps if not run.cached)


@pytest.mark.parametrize("runs", [3, pytest.param(RUNS, marks=pytest.mark.slow)])
def test_equal_runs_at_once_lose_nothing_and_compute_each_step_once(
    served: Served, forker: RunForker, tmp_path: Path, runs: int
) -> None:
    manifests = run_at_once(forker, tmp_path, served.api, [["--epochs=1"]] * runs)
    assert_all_is_recorded(served.api, manifests)
    assert computed(manifests) == dict.fromkeys(TASKS, 1) | {"fetch": runs}
    assert len({str(manifest.weights) for manifest in manifests}) == 1


def test_a_run_waits_for_a_database_that_is_started_again(
    served: Served, forker: RunForker, tmp_path: Path
) -> None:
    """Meanwhile the server answers 500; the run is told so as it asks whether it may train."""
    reviews = from_file(write_reviews(tmp_path / "reviews.csv", 200))
    run = forker.start(tmp_path / "run.log", served.api, *reviews, *SMALL_NGRAMS, "--epochs=1")
    wait_for_line(tmp_path, run, "persist-parquet: ")
    served.database.stop()
    try:
        with pytest.raises(HTTPError, match="500"):
            ask(served.api, "flow_runs")
        wait_for_line(tmp_path, run, "build: ")
        time.sleep(SHORTEST_OUTAGE_S)
    finally:
        served.database.start()
    assert run.wait() == 0, (tmp_path / "run.log").read_text()
    assert "Traceback" not in (tmp_path / "run.log").read_text()
    (folder,) = tmp_path.glob("artifacts/runs/*")
    ids = [read_manifest(folder).flow_run_id]
    (recorded,) = ask(served.api, "flow_runs", flow_runs={"id": {"any_": ids}})
    assert recorded["state_type"] == "COMPLETED"


def test_old_runs_go_from_the_server_with_their_logs_and_artifacts_and_new_ones_stay(
    served: Served,
) -> None:
    from prefect import flow, get_run_logger
    from prefect.artifacts import create_markdown_artifact

    @flow(name="maintain-artifacts")
    def leaves_traces() -> None:
        get_run_logger().info("a line")
        create_markdown_artifact("a text", key="trace")

    def traces(flow_run_id: str) -> list[int]:
        """Return how many logs, artifacts and runs the server has."""
        of_run = {"flow_run_id": {"any_": [flow_run_id]}}
        return [
            len(ask(served.api, "logs", logs=of_run)),
            len(ask(served.api, "artifacts", artifacts=of_run)),
            len(ask(served.api, "flow_runs", flow_runs={"id": {"any_": [flow_run_id]}})),
        ]

    with talk_to(served.api):
        ended = [leaves_traces(return_state=True) for _ in range(2)]
    old, new = [str(state.state_details.flow_run_id) for state in ended]
    wait_for(lambda: all(traces(old)) and all(traces(new)))
    asyncio.run(_make_older(served.database.address, old))
    wait_for(lambda: not any(traces(old)))
    assert all(traces(new))


async def _make_older(database: str, flow_run_id: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(database.replace("+asyncpg", ""))
    query = "UPDATE flow_run SET end_time = end_time - interval '2 hours' WHERE id = $1"
    assert await connection.execute(query, flow_run_id) == "UPDATE 1"
    await connection.close()


@pytest.mark.slow
def test_eight_trainings_at_once_lose_nothing_and_share_what_they_can(
    served: Served, forker: RunForker, tmp_path: Path
) -> None:
    seeds = [["--epochs=3", f"--seed={seed}"] for seed in range(RUNS)]
    manifests = run_at_once(forker, tmp_path, served.api, seeds)
    assert_all_is_recorded(served.api, manifests)
    counts = computed(manifests)
    assert (counts["train"], counts["load"], counts["baseline"]) == (RUNS, 1, 1)
    assert len({str(manifest.weights) for manifest in manifests}) == RUNS
