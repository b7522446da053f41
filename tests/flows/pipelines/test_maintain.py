"""Maintenance of real runs: what is kept still hits; a kill, or a run at the same time, is safe."""

import os
import shutil
import signal
import subprocess
import sys
import time
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
from tasks.operations.retention import plan_retention
from tasks.registry.champion import ChampionStore
from tasks.registry.events import PromotionEvent
from tasks.run_summary import RunSummary
from tasks.runs.manifest import read_manifest
from tasks.runs.pins import pin_run, pinned_runs, unpin_run
from tests.support.promotion_events import make_event
from tests.support.start_run import start_run

pytestmark = pytest.mark.usefixtures("prefect_server")

ROOT = Path(__file__).parents[3]

NOTHING_UNUSED = RetentionConfig(keep_runs=1, keep_unused_days=0)


@pytest.fixture(scope="module")
def history(done: RunSummary, small_reviews: Path) -> tuple[Path, list[RunSummary]]:
    """Three runs with two, one and three epochs, oldest first."""
    artifacts = done.folder.parent.parent
    time.sleep(1)  # runs of one second have no order
    return artifacts, [done, *(start_run(artifacts, small_reviews, epochs=n) for n in (1, 3))]


@pytest.fixture
def copied(history: tuple[Path, list[RunSummary]], tmp_path: Path) -> tuple[Path, list[str]]:
    """A copy of these runs' artifacts, and the names of the runs."""
    artifacts, runs = history
    return Path(shutil.copytree(artifacts, tmp_path / "artifacts")), [
        run.folder.name for run in runs
    ]


def run_names(artifacts: Path) -> set[str]:
    return {path.name for path in ArtifactStore(artifacts).runs.iterdir()}


def size(artifacts: Path) -> int:
    return sum(path.stat().st_size for path in artifacts.rglob("*") if path.is_file())


def test_a_dry_run_tells_what_would_go_and_removes_nothing(copied: tuple[Path, list[str]]) -> None:
    artifacts, names = copied
    before = size(artifacts)
    removals = maintain_flow(retention=NOTHING_UNUSED, artifacts=artifacts)
    assert isinstance(removals, list)
    assert {one.name for one in removals if one.kind == "run"} == set(names[:2])
    assert run_names(artifacts) == set(names)
    assert size(artifacts) == before


def test_what_is_kept_is_whole_and_still_hits(
    copied: tuple[Path, list[str]], small_reviews: Path
) -> None:
    artifacts, names = copied
    before = size(artifacts)
    removals = maintain_flow(retention=NOTHING_UNUSED, artifacts=artifacts, apply=True)
    assert isinstance(removals, list)
    assert run_names(artifacts) == {names[2]}
    kept = ArtifactStore(artifacts).runs / names[2]
    assert read_manifest(kept).faults(kept) == []
    assert before - size(artifacts) == sum(one.size for one in removals) > 0
    again = start_run(artifacts, small_reviews, epochs=3)
    assert [step.step for step in again.steps if not step.cached] == ["fetch"]
    removed = start_run(artifacts, small_reviews, epochs=1)
    assert {"load", "baseline"} < {step.step for step in removed.steps if step.cached}
    assert "train" not in {step.step for step in removed.steps if step.cached}
    assert maintain_flow(retention=RetentionConfig(keep_unused_days=0), artifacts=artifacts) == []


def test_young_results_stay_though_no_kept_run_used_them(copied: tuple[Path, list[str]]) -> None:
    artifacts, _ = copied
    maintain_flow(retention=RetentionConfig(keep_runs=0), artifacts=artifacts, apply=True)
    assert run_names(artifacts) == set()
    assert len(take_inventory(ArtifactStore(artifacts)).entries) == 5 + 3 * 4


def test_a_pinned_run_stays(copied: tuple[Path, list[str]]) -> None:
    artifacts, names = copied
    pin_run(artifacts, names[0])
    maintain_flow(retention=NOTHING_UNUSED, artifacts=artifacts, apply=True)
    assert run_names(artifacts) == {names[0], names[2]}
    unpin_run(artifacts, names[0])
    maintain_flow(retention=NOTHING_UNUSED, artifacts=artifacts, apply=True)
    assert run_names(artifacts) == {names[2]}


def promoted(number: int, run_id: str, when: datetime) -> PromotionEvent:
    return make_event(number, "promoted", run_id, when=when.isoformat())


def test_what_was_champion_within_the_period_stays(copied: tuple[Path, list[str]]) -> None:
    artifacts, names = copied
    store = ChampionStore(artifacts)
    for number, (days, name) in enumerate([(90, names[0]), (40, names[1]), (5, names[2])], start=1):
        with store.deciding():
            store.append(promoted(number, name, datetime.now(UTC) - timedelta(days=days)))
    older = RetentionConfig(keep_runs=0, keep_unused_days=0, keep_champions_days=30)
    maintain_flow(retention=older, artifacts=artifacts, apply=True)
    assert run_names(artifacts) == {names[1], names[2]}
    newer = RetentionConfig(keep_runs=0, keep_unused_days=0, keep_champions_days=1)
    maintain_flow(retention=newer, artifacts=artifacts, apply=True)
    assert run_names(artifacts) == {names[2]}


def test_a_damaged_list_of_pins_removes_nothing(copied: tuple[Path, list[str]]) -> None:
    artifacts, names = copied
    ArtifactStore(artifacts).pinned.write_text("[1]")
    with pytest.raises(BadDataError, match=r"pinned\.json is damaged: it must be a list of run"):
        maintain_flow(retention=NOTHING_UNUSED, artifacts=artifacts, apply=True)
    assert run_names(artifacts) == set(names)
    with pytest.raises(BadDataError):
        pinned_runs(artifacts)


def test_a_run_that_cannot_be_read_stays_for_a_person_to_look_at(
    copied: tuple[Path, list[str]],
) -> None:
    artifacts, names = copied
    (ArtifactStore(artifacts).runs / names[0] / "manifest.json").write_text("{}")
    maintain_flow(retention=NOTHING_UNUSED, artifacts=artifacts, apply=True)
    assert run_names(artifacts) == {names[0], names[2]}


def test_what_a_killed_process_left_goes(copied: tuple[Path, list[str]]) -> None:
    artifacts, _ = copied
    for folder in ("runs", "cache/objects"):
        left = artifacts / folder / f"{TEMPORARY_PREFIX}abc"
        left.mkdir()
        (left / f"{TEMPORARY_PREFIX}inner").write_text("half")
    maintain_flow(artifacts=artifacts, apply=True)
    assert not list(artifacts.rglob(f"{TEMPORARY_PREFIX}*"))


def test_while_a_run_goes_on_nothing_is_removed(copied: tuple[Path, list[str]]) -> None:
    artifacts, names = copied
    with (
        in_use(artifacts),
        in_use(artifacts),
        pytest.raises(FolderInUseError, match=r"a run is in progress in .*; nothing was removed"),
    ):
        maintain_flow(retention=NOTHING_UNUSED, artifacts=artifacts, apply=True)
    assert run_names(artifacts) == set(names)
    with alone_in(artifacts):
        pass


KILLED = """
import os, signal, sys
from pathlib import Path
from tasks.operations.retention import apply_retention
from tasks.operations.inventory import take_inventory
from tasks.common.artifact_store import ArtifactStore
from tasks.operations.retention import plan_retention
from tasks.config.operations import RetentionConfig

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


@pytest.mark.parametrize("operation", [1, 5, 31, 60])
def test_maintenance_that_is_killed_damages_nothing_and_the_next_one_ends_it(
    copied: tuple[Path, list[str]], small_reviews: Path, operation: int
) -> None:
    artifacts, names = copied
    command = [sys.executable, "-c", KILLED, str(artifacts), str(operation)]
    killed = subprocess.run(command, cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    for folder in ArtifactStore(artifacts).runs.iterdir():
        if not folder.name.startswith("."):
            assert read_manifest(folder).faults(folder) == []
    store = ArtifactStore(artifacts)
    plan = plan_retention(take_inventory(store), (), NOTHING_UNUSED, time.time() + 9)
    assert plan
    maintain_flow(retention=NOTHING_UNUSED, artifacts=artifacts, apply=True)
    assert run_names(artifacts) == {names[2]}
    if operation == 31:  # one of them is enough: a run takes seconds
        again = start_run(artifacts, small_reviews, epochs=3)
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
