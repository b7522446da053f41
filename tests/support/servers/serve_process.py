"""A serve process as a user starts it, and what the server says of its runs."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import get_client

from tests.support.servers.prefect_home import prefect_environment
from tests.support.servers.prefect_pages import ask
from tests.support.servers.real_server import talk_to
from tests.support.terminal_run import SMALL_NGRAMS, from_file, start_terminal_run

ROOT = Path(__file__).parents[3]

LIMIT_S = 120

_PAGE = 200
"""The most runs that the server tells at once."""

RETRAIN, MAINTAIN = "retrain-sentiment", "maintain-artifacts"

ALL_GATES_OPEN = [
    "--floor=0",
    "--mode=not_worse",
    "--margin=0.99",
    "--baseline-margin=0.99",
    "--largest-calibration-error=1",
    "--largest-latency-ms=1000",
]
"""Each new model becomes champion, whatever it has learned from a few made-up reviews."""


_SETTINGS = {
    "PREFECT_RUNNER_POLL_FREQUENCY": "2",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "CUDA_VISIBLE_DEVICES": "-1",
}


def environment(folder: Path, api: str) -> dict[str, str]:
    """Return the environment of a process that talks to the server at `api`."""
    return prefect_environment(folder / "home", PREFECT_API_URL=api, **_SETTINGS)


def run_prefect(folder: Path, api: str, *words: str) -> None:
    """Run a command of Prefect in the project's folder, and require that it succeeds."""
    subprocess.run(
        [sys.executable, "-m", "prefect", *words],
        cwd=ROOT,
        env=environment(folder, api),
        stdin=subprocess.DEVNULL,
        check=True,
    )


def run_deployment(api: str, deployment: str, **parameters: Any) -> None:
    """Ask for a run of a deployment with these parameters."""
    with talk_to(api), get_client(sync_client=True) as client:
        known = client.read_deployment_by_name(deployment)
        client.create_flow_run_from_deployment(known.id, parameters=parameters)


def small_options(reviews: Path, *more: str) -> list[str]:
    """Return the options of a small training whose every model is promoted."""
    return [*from_file(reviews), *SMALL_NGRAMS, *ALL_GATES_OPEN, *more]


def start_process(
    folder: Path, api: str, script: str, *arguments: str, log: str = "serve.log"
) -> subprocess.Popen[bytes]:
    """Start a program of `flows` that serves or works for the server at `api`."""
    return start_terminal_run(
        folder, *arguments, program=script, log=log, PREFECT_API_URL=api, **_SETTINGS
    )


def runs_of(api: str, flow: str = RETRAIN) -> list[dict[str, Any]]:
    """Return all flow runs of a flow that are due by now, the first due first."""
    due = {"expected_start_time": {"before_": datetime.now(UTC).isoformat()}}
    found: list[dict[str, Any]] = []
    while True:
        page = ask(
            api,
            "flow_runs",
            flows={"name": {"any_": [flow]}},
            flow_runs=due,
            sort="EXPECTED_START_TIME_ASC",
            offset=len(found),
            limit=_PAGE,
        )
        found += page
        if len(page) < _PAGE:
            return found


def state_of(run: dict[str, Any]) -> tuple[str, str]:
    """Return type and name of the state of a flow run."""
    return run["state"]["type"], run["state"]["name"]


def processes(api: str) -> dict[str, int]:
    """Return the processes that run flow runs of the server at `api`, by the flow run's id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        ids = [v.partition(b"=")[2] for v in variables if v.startswith(b"PREFECT__FLOW_RUN_ID=")]
        ours = f"PREFECT_API_URL={api}".encode() in variables
        if ours and ids and (b"prefect.engine" in command or b"workspace" in command):
            found[ids[0].decode()] = int(folder.name)
    return found
