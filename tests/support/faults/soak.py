"""Scheduled retraining under random kills: a schedule of seconds, kill -9 for runs and processes.

`python -m tests.support.faults.soak FOLDER --seconds 600 --kills 20 --server-kills 2` prints what
came of it: all lists of faults have to be empty.
"""

import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from cyclopts import App

from tasks.common.artifact_store import ArtifactStore
from tasks.registry.champion import ChampionStore
from tasks.runs.manifest import read_manifest
from tests.support.servers.prefect_home import prepare_home
from tests.support.servers.real_server import free_port, wait_until_healthy
from tests.support.servers.serve_process import (
    RETRAIN,
    environment,
    processes,
    runs_of,
    small_options,
    start_process,
    state_of,
)
from tests.support.small_run import write_reviews

SCHEDULE_S = 5

_NEW_DATA_S = 15

_QUIET_S = 60
"""No kill in the last part, so that what was killed can be resumed."""

_POLL_S = 0.2

_WITHOUT_RESULT = ("PENDING", "RUNNING", "CANCELLING")


@dataclass
class Outcome:
    """What came of a soak; all lists of faults are empty where nothing went wrong."""

    seconds: float
    kills: dict[str, int]
    states: dict[str, int] = field(default_factory=dict)
    stuck: list[str] = field(default_factory=list)
    overlaps: list[str] = field(default_factory=list)
    champion_faults: list[str] = field(default_factory=list)
    champion_looks: int = 0
    promotions: int = 0
    runs_recorded: int = 0
    longest_pause_s: float = 0.0


class Soak:
    """A server, a serve process and a file of reviews that changes."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Start the server and the serve process."""
        self.folder, self.chance = folder, random.Random(seed)
        self.artifacts = folder / "artifacts"
        self.kills = {"run": 0, "serve process": 0, "server": 0}
        self.outcome = Outcome(0, self.kills)
        self.alive: dict[str, list[float]] = {}
        prepare_home(folder / "server")
        (folder / "home").mkdir()
        self.port = free_port()
        self.api = f"http://127.0.0.1:{self.port}/api"
        write_reviews(folder / "test.csv", 60, seed=999)
        self._new_data()
        self.server = self._start_server()
        self.serve = self._start_serve()

    def run(self, seconds: float, kills: int, server_kills: int) -> Outcome:
        """Let the schedule fire for `seconds` with so many kills, and tell what came of it."""
        begin = time.monotonic()
        last = seconds - _QUIET_S
        targets = ["server"] * server_kills
        targets += [self.chance.choice(("run", "serve process")) for _ in range(kills)]
        self.chance.shuffle(targets)
        moments = sorted(self.chance.uniform(20, last) for _ in targets)
        next_data = begin + _NEW_DATA_S
        while (now := time.monotonic()) < begin + seconds:
            if moments and now >= begin + moments[0]:
                moments.pop(0)
                self._kill(targets.pop())
            if now >= next_data:
                self._new_data()
                next_data = now + _NEW_DATA_S
            self._look()
            time.sleep(_POLL_S)
        self.serve.send_signal(signal.SIGTERM)
        self.serve.wait(180)
        self.outcome.seconds = time.monotonic() - begin
        self._judge()
        self.server.terminate()
        self.server.wait(180)
        return self.outcome

    def _start_server(self) -> subprocess.Popen[bytes]:
        home = {"PREFECT_HOME": str(self.folder / "server")}
        with (self.folder / "server.log").open("ab") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "prefect", "server", "start", "--port", str(self.port)],
                env=environment(self.folder, self.api) | home,
                stdout=log,
                stderr=log,
            )
        wait_until_healthy(self.api, server)
        return server

    def _start_serve(self) -> subprocess.Popen[bytes]:
        options = small_options(
            self.folder / "train.csv",
            f"--test-file={self.folder / 'test.csv'}",
            "--epochs=3",
            f"--interval={SCHEDULE_S}s",
            "--maintain.interval=20s",
            "--keep-runs=5",
            "--keep-unused-days=0",
        )
        log = f"serve{self.kills['serve process']}.log"
        return start_process(self.folder, self.api, "serve_flow.py", *options, log=log)

    def _new_data(self) -> None:
        """Replace the training reviews, so that the next run has something to learn."""
        new = write_reviews(self.folder / "new.csv", 240, seed=self.chance.randrange(10**6))
        new.replace(self.folder / "train.csv")

    def _kill(self, target: str) -> None:
        self.kills[target] += 1
        if target == "run":
            self._kill_a_run()
        elif target == "serve process":
            self.serve.kill()
            self.serve.wait()
            self.serve = self._start_serve()
        else:
            self.server.kill()
            self.server.wait()
            self.server = self._start_server()

    def _kill_a_run(self) -> None:
        """Wait for a run, and kill it at a moment of its few seconds."""
        while not (begun_trials := processes(self.api)):
            self._look()
            time.sleep(_POLL_S)
        until = time.monotonic() + self.chance.uniform(0, 12)
        while time.monotonic() < until:
            self._look()
            time.sleep(_POLL_S)
        process = self.chance.choice(list((processes(self.api) or begun_trials).values()))
        subprocess.run(["kill", "-9", str(process)], check=False, capture_output=True)

    def _look(self) -> None:
        """Note which runs live, and that there is one champion, which log and pointer agree on."""
        now = time.time()
        for flow_run_id in processes(self.api):
            self.alive.setdefault(flow_run_id, [now, now])[1] = now
        if not ArtifactStore(self.artifacts).champion.exists():
            return
        self.outcome.champion_looks += 1
        try:
            champion = ChampionStore(self.artifacts).champion()
            assert champion is not None
            assert read_manifest(ArtifactStore(self.artifacts).runs / champion.run_id).run_id
        except Exception as error:  # whatever it is, it is what this looks for
            self.outcome.champion_faults.append(repr(error))

    def _judge(self) -> None:
        outcome, runs = self.outcome, runs_of(self.api)
        for run in runs:
            name = " ".join(dict.fromkeys(state_of(run)))
            outcome.states[name] = outcome.states.get(name, 0) + 1
        stopped = max(datetime.fromisoformat(run["expected_start_time"]) for run in runs)
        for run in runs:
            due = datetime.fromisoformat(run["expected_start_time"])
            waits = state_of(run)[1] in ("Scheduled", "Late") and (stopped - due).seconds > 30
            if waits or state_of(run)[0] in _WITHOUT_RESULT:
                outcome.stuck.append(_told(run))
        self._find_overlaps([run for run in runs if _has_worked(run)])
        events = ChampionStore(self.artifacts).events()
        outcome.promotions = sum(event.kind == "promoted" for event in events)
        outcome.runs_recorded = len({event.run_id for event in events})

    def _find_overlaps(self, runs: list[dict[str, Any]]) -> None:
        """Note the runs that had begun before the one before had ended or died."""
        spans = []
        for run in runs:
            begun = datetime.fromisoformat(run["start_time"]).timestamp()
            seen = self.alive.get(run["id"], [begun, begun])[1]
            ended = datetime.fromisoformat(run["end_time"]).timestamp() if run["end_time"] else seen
            spans.append((begun, min(ended, seen + _POLL_S), _told(run)))
        spans.sort()
        for before, after in pairwise(spans):
            if after[0] < before[1]:
                self.outcome.overlaps.append(f"{before} and {after}")
            pause = after[0] - before[1]
            self.outcome.longest_pause_s = max(self.outcome.longest_pause_s, pause)


def _has_worked(run: dict[str, Any]) -> bool:
    """Tell whether a run got its turn."""
    gave_way = state_of(run) == ("CANCELLED", "Skipped")
    return run["run_count"] > 0 and run["start_time"] is not None and not gave_way


def _told(run: dict[str, Any]) -> str:
    return f"{RETRAIN} due {run['expected_start_time']}: {run['state']['name']}"


app = App()


@app.default
def main(
    folder: Path, /, *, seconds: int = 600, kills: int = 20, server_kills: int = 0, seed: int = 0
) -> None:
    """Soak in FOLDER, which must not exist, and print what came of it."""
    folder.mkdir(parents=True)
    outcome = Soak(folder, seed).run(seconds, kills, server_kills)
    for name, value in vars(outcome).items():
        sys.stdout.write(f"{name}: {value}\n")


if __name__ == "__main__":
    app()
