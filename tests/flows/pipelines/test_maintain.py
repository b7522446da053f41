"""Maintenance of real runs: what is kept still hits; a kill, or a run at the same time, is safe."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.pipelines.maintain import maintain_flow
from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import TEMPORARY_PREFIX
from tasks.common.errors import BadDataError, FolderInUseError
from tasks.common.locks import alone_in, in_use
from tasks.config.operations import RetentionConfig
from tasks.operations.inventory import take_inventory
from tasks.operations.retention import Removal, plan_retention
from tasks.registry.champion import ChampionStore
from tasks.run_summary import RunSummary
from tasks.runs.manifest import read_manifest
from tasks.runs.pins import pin_run, pinned_runs, unpin_run
from tests.support.promotion_events import make_event
from tests.support.start_run import start_run

pytestmark = pytest.mark.usefixtures("prefect_server")

ROOT = Path(__file__).parents[3]

SLOW = pytest.mark.slow

NOTHING_UNUSED = RetentionConfig(keep_runs=1, keep_unused_days=0)


@pytest.fixture(scope="module")
def history(done: RunSummary, small_reviews: Path) -> tuple[Path, list[RunSummary]]:
    """Three runs with two, one and three epochs, oldest first."""
    artifacts = done.folder.parent.parent
    time.sleep(1)  # runs of one second have no order
    return artifacts, [done, *(start_run(artifacts, small_reviews, epochs=n) for n in (1, 3))]


@dataclass
class Copied:
    """A copy of these runs' artifacts, and the names of the runs, oldest first."""

    artifacts: Path
    names: list[str]

    def maintain(self, retention: RetentionConfig = NOTHING_UNUSED) -> list[Removal]:
        """Remove what is not needed, and return it."""
        removals = maintain_flow(retention=retention, artifacts=self.artifacts, apply=True)
        assert isinstance(removals, list)
        return removals

    def left(self) -> list[int]:
        """Return which of the runs are still there."""
        found = {path.name for path in ArtifactStore(self.artifacts).runs.iterdir()}
        assert found <= set(self.names)
        return [number for number, name in enumerate(self.names) if name in found]

    def size(self) -> int:
        """Return the bytes of all files but the page of all runs, which is made anew."""
        page = ArtifactStore(self.artifacts).runs_page
        files = (path for path in self.artifacts.rglob("*") if path.is_file() and path != page)
        return sum(path.stat().st_size for path in files)


@pytest.fixture
def copied(history: tuple[Path, list[RunSummary]], tmp_path: Path) -> Copied:
    artifacts, runs = history
    copy = Path(shutil.copytree(artifacts, tmp_path / "artifacts"))
    return Copied(copy, [run.folder.name for run in runs])


def test_a_dry_run_tells_what_would_go_and_removes_nothing(copied: Copied) -> None:
    before = copied.size()
    for lock in copied.artifacts.rglob("*.lock"):
        lock.unlink()
    removals = maintain_flow(retention=NOTHING_UNUSED, artifacts=copied.artifacts)
    assert list(copied.artifacts.rglob("*.lock")) == []  # the folder may be one that is only read
    assert isinstance(removals, list)
    assert {one.name for one in removals if one.kind == "run"} == set(copied.names[:2])
    assert copied.left() == [0, 1, 2]
    assert copied.size() == before


def test_what_is_kept_is_whole_and_still_hits(copied: Copied, small_reviews: Path) -> None:
    artifacts, before = copied.artifacts, copied.size()
    store = ArtifactStore(artifacts)
    steps = read_manifest(store.runs / copied.names[1]).steps
    removals = copied.maintain()
    assert copied.left() == [2]
    kept = store.runs / copied.names[2]
    assert read_manifest(kept).faults(kept) == []
    assert before - copied.size() == sum(one.size for one in removals) > 0
    again = start_run(artifacts, small_reviews, epochs=3)
    assert [step.step for step in again.steps if not step.cached] == ["fetch"]
    left = {step.step for step in steps if step.key and store.record_file(step.key).exists()}
    assert left == {"load", "baseline", "pad", "persist-parquet", "build"}
    assert maintain_flow(retention=RetentionConfig(keep_unused_days=0), artifacts=artifacts) == []


def test_young_results_stay_though_no_kept_run_used_them(copied: Copied) -> None:
    copied.maintain(RetentionConfig(keep_runs=0))
    assert copied.left() == []
    kinds = [one.kind for one in take_inventory(ArtifactStore(copied.artifacts))]
    assert kinds.count("cached result") == 5 + 3 * 4


def test_a_pinned_run_stays(copied: Copied) -> None:
    pin_run(copied.artifacts, copied.names[0])
    copied.maintain()
    assert copied.left() == [0, 2]
    unpin_run(copied.artifacts, copied.names[0])
    copied.maintain()
    assert copied.left() == [2]


def test_what_was_champion_within_the_period_stays(copied: Copied) -> None:
    store = ChampionStore(copied.artifacts)
    for number, (days, name) in enumerate(zip((90, 40, 5), copied.names, strict=True), start=1):
        when = datetime.now(UTC) - timedelta(days=days)
        with store.deciding():
            store.append(make_event(number, "promoted", name, when=when.isoformat()))
    for days, left in ((30, [1, 2]), (1, [2])):
        copied.maintain(RetentionConfig(keep_runs=0, keep_unused_days=0, keep_champions_days=days))
        assert copied.left() == left


def test_a_damaged_list_of_pins_removes_nothing(copied: Copied) -> None:
    ArtifactStore(copied.artifacts).pinned.write_text("[1]")
    with pytest.raises(BadDataError, match=r"pinned\.json is damaged: it must be a list of run"):
        copied.maintain()
    assert copied.left() == [0, 1, 2]
    with pytest.raises(BadDataError):
        pinned_runs(copied.artifacts)


def test_a_run_that_cannot_be_read_stays_for_a_person_to_look_at(copied: Copied) -> None:
    (ArtifactStore(copied.artifacts).runs / copied.names[0] / "manifest.json").write_text("{}")
    copied.maintain()
    assert copied.left() == [0, 2]


def test_what_a_killed_process_left_goes(copied: Copied) -> None:
    for folder in ("runs", "cache/objects"):
        left = copied.artifacts / folder / f"{TEMPORARY_PREFIX}abc"
        left.mkdir()
        (left / f"{TEMPORARY_PREFIX}inner").write_text("half")
    copied.maintain(RetentionConfig())
    assert not list(copied.artifacts.rglob(f"{TEMPORARY_PREFIX}*"))


def test_while_a_run_is_in_progress_nothing_is_removed(copied: Copied) -> None:
    with (
        in_use(copied.artifacts),
        in_use(copied.artifacts),
        pytest.raises(FolderInUseError, match=r"a run is in progress in .*; nothing was removed"),
    ):
        copied.maintain()
    assert copied.left() == [0, 1, 2]
    with alone_in(copied.artifacts):
        pass


KILLED = """
import os, signal, sys
from pathlib import Path
from tasks.common.artifact_store import ArtifactStore
from tasks.config.operations import RetentionConfig
from tasks.operations.inventory import take_inventory
from tasks.operations.retention import apply_retention, plan_retention

artifacts, last = Path(sys.argv[1]), int(sys.argv[2])
count = 0

def count_down(event, arguments):
    global count
    if event in ("os.remove", "os.rename", "os.rmdir", "shutil.rmtree"):
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

config = RetentionConfig(keep_runs=1, keep_unused_days=0)
plan = plan_retention(take_inventory(ArtifactStore(artifacts)), (), config, 2e9)
sys.addaudithook(count_down)
apply_retention(plan)
"""


@pytest.mark.parametrize("operation", [5, 31, *(pytest.param(n, marks=SLOW) for n in (1, 60))])
def test_maintenance_that_is_killed_damages_nothing_and_the_next_one_ends_it(
    copied: Copied, small_reviews: Path, operation: int
) -> None:
    store = ArtifactStore(copied.artifacts)
    command = [sys.executable, "-c", KILLED, str(store.root), str(operation)]
    killed = subprocess.run(command, cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    for folder in store.runs.iterdir():
        if not folder.name.startswith("."):
            assert read_manifest(folder).faults(folder) == []
    assert plan_retention(take_inventory(store), (), NOTHING_UNUSED, time.time() + 9)
    copied.maintain()
    assert copied.left() == [2]
    if operation == 31:  # one of them is enough: a run takes seconds
        again = start_run(store.root, small_reviews, epochs=3)
        assert [step.step for step in again.steps if not step.cached] == ["fetch"]


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from tasks.common.locks import in_use\n"
    code += "with in_use(Path(sys.argv[1])): print('in', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        with pytest.raises(FolderInUseError), alone_in(tmp_path):
            pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with alone_in(tmp_path):
        pass
