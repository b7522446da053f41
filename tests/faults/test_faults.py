"""Whatever befalls a run: the next one succeeds, and nothing that was finished is lost."""

import json
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tasks.cache.policy import VerifiedRecords
from tasks.common.artifact_store import ArtifactStore, StepOutput
from tasks.runs.manifest import Manifest, read_manifest
from tasks.runs.verify import first_difference
from tests.support.faults.bit_flips import with_flipped_bit
from tests.support.faults.injection import STEPS, Fault, Kind, StepCosts
from tests.support.faults.tiny_disk import tiny_disk
from tests.support.run_forker import ForkedRun, RunForker, costs_of
from tests.support.terminal_run import SMALL_NGRAMS, from_file

Note = Callable[[str, object], None]

CACHED_STEPS = STEPS[1:-1]

KILLS_EACH_WAY = dict.fromkeys(STEPS, 10) | {"train": 33}
"""How often a step is killed at one of its file operations, and as often at a moment."""

TRAINING = ["--epochs=3", "--batch-size=16", "--save-every-steps=4", "--accelerator=cpu"]

SLOW = pytest.mark.slow


@dataclass(frozen=True)
class Laboratory:
    """Runs to let faults befall, and an undisturbed one to compare with."""

    forker: RunForker
    api: str
    reviews: Path
    undisturbed: Path
    costs: StepCosts

    def run(self, artifacts: Path, fault: Fault | None = None) -> tuple[int, str]:
        """Run the flow and return its status and log."""
        log = artifacts.parent / "run.log"
        return self.start(log, artifacts, fault).wait(), log.read_text()

    def start(self, log: Path, artifacts: Path, fault: Fault | None = None) -> ForkedRun:
        """Start the flow with its output in `log`."""
        command = [*from_file(self.reviews), *SMALL_NGRAMS, *TRAINING, f"--artifacts={artifacts}"]
        return self.forker.start(log, self.api, *command, fault=fault)

    def fault(self, kind: Kind, step: str, how: str, share: float) -> Fault:
        """Return a fault after `share` of the step's file operations or of its time."""
        if how == "moment":
            return Fault(kind=kind, step=step, moment=share * self.costs.seconds[step])
        return Fault(kind=kind, step=step, operation=1 + int(share * self.costs.operations[step]))

    def copy_without(self, step: str | None, folder: Path) -> Path:
        """Return a copy of the artifacts of the undisturbed run, in which `step` is forgotten."""
        artifacts = Path(shutil.copytree(self.undisturbed, folder / "artifacts"))
        if step in CACHED_STEPS:
            forget(artifacts, step)
        return artifacts


@pytest.fixture(scope="module")
def laboratory(
    forker: RunForker,
    prefect_server: str,
    small_reviews: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Laboratory:
    folder = tmp_path_factory.mktemp("laboratory")
    unknown = StepCosts(operations={}, seconds={})
    laboratory = Laboratory(forker, prefect_server, small_reviews, folder / "artifacts", unknown)

    def costs_in(artifacts: Path) -> StepCosts:
        status, log = laboratory.run(artifacts)
        assert status == 0, log
        return costs_of(artifacts.parent / "run.log")

    costs = costs_in(laboratory.undisturbed)
    # Where nothing is trained, no saved training is removed after the record.
    cached = costs_in(laboratory.copy_without(None, folder / "cached"))
    costs.operations["record"] = cached.operations["record"]
    return replace(laboratory, costs=costs)


def results(artifacts: Path, step: str) -> list[StepOutput]:
    files = sorted((ArtifactStore(artifacts).results / step).glob("*"))
    return [StepOutput.model_validate(json.loads(file.read_bytes())["data"]) for file in files]


def forget(artifacts: Path, step: str) -> None:
    """Remove all that the cache knows of a step, so that it does again all that it did."""
    store = ArtifactStore(artifacts)
    for output in results(artifacts, step):
        for name in output.files:
            file = store.file(output, name)
            file.unlink()
            with suppress(OSError):  # which holds a file of another step
                file.parent.rmdir()
    for kind in ("keys", "records", "results"):
        shutil.rmtree(artifacts / "cache" / kind / step, ignore_errors=True)


def finished_runs(artifacts: Path) -> dict[str, Manifest]:
    """Return the manifests of all runs that look finished; each must be whole."""
    manifests = {}
    for run in ArtifactStore(artifacts).runs.iterdir():
        if not run.name.startswith("."):
            manifests[run.name] = read_manifest(run)
            assert manifests[run.name].faults(run) == []
    return manifests


def require_next_run(laboratory: Laboratory, artifacts: Path) -> Manifest:
    """Run again; all must be as if nothing had happened, and what was finished still there."""
    before = finished_runs(artifacts)
    status, log = laboratory.run(artifacts)
    assert status == 0, log
    after = finished_runs(artifacts)
    (new,) = after.keys() - before.keys()
    assert before.items() <= after.items()
    (undisturbed,) = finished_runs(laboratory.undisturbed).values()
    assert first_difference(undisturbed, after[new]) is None
    for record in ArtifactStore(artifacts).records.glob("*/[!.]*.json"):
        key = f"{record.parent.name}/{record.stem}"
        assert VerifiedRecords(root=artifacts).read_path(key)
    assert list(ArtifactStore(artifacts).training.glob("*")) == []
    return after[new]


def shares(seed: int, counts: dict[str, int]) -> list[tuple[str, str, float]]:
    """Return step, way and random share of each point."""
    chance = random.Random(seed)
    return [
        (step, how, round(chance.random(), 3))
        for step, count in counts.items()
        for how in ("operation", "moment")
        for _ in range(count)
    ]


IN_TURN: list[tuple[Kind, str, str, float]] = [
    ("kill -9", "fetch", "operation", 0.8),
    ("disk full", "load", "operation", 0.3),
    ("kill -9", "baseline", "moment", 0.5),
    ("kill -9", "pad", "operation", 0.2),
    ("kill -9", "persist-parquet", "moment", 0.2),
    ("permission denied", "build", "operation", 0.1),
    ("kill -9", "train", "operation", 0.4),
    ("SIGTERM", "train", "moment", 0.6),
    ("exception", "evaluate", "operation", 0.3),
    ("kill -9", "plot", "moment", 0.4),
    ("kill -9", "analyse", "operation", 0.2),
    ("kill -9", "record", "moment", 0.8),
]
"""At least one fault of each step, and of each kind that ends a run."""


def test_a_run_that_meets_a_fault_in_each_step_in_turn_ends_as_an_undisturbed_one(
    laboratory: Laboratory, tmp_path: Path, record_property: Note
) -> None:
    assert {step for _, step, _, _ in IN_TURN} == set(STEPS)
    artifacts = tmp_path / "artifacts"
    for kind, step, how, share in IN_TURN:
        record_property("fault", f"{kind} in {step}" if kind == "kill -9" else kind)
        require_end_by(laboratory, artifacts, laboratory.fault(kind, step, how, share))
    require_next_run(laboratory, artifacts)


def require_end_by(laboratory: Laboratory, artifacts: Path, fault: Fault) -> None:
    """Run with a fault and check that the run ends as a fault of its kind ends it."""
    status, log = laboratory.run(artifacts, fault)
    kind = fault.kind
    if kind == "kill -9":
        assert status == -9, log
    elif kind == "SIGTERM":
        assert status != 0, log
    elif kind == "exception":
        assert status == 1, log
        assert "an injected exception" in log
    else:
        assert status == 1, log
        reason = "the disk is full" if kind == "disk full" else kind
        assert f"error: cannot write below {artifacts}: {reason}; free or unlock it" in log
        assert "Traceback" not in log


OTHERS: list[tuple[Kind, str, str, float]] = [
    ("SIGTERM", "load", "operation", 0.4),
    ("SIGTERM", "train", "moment", 0.6),
    ("SIGTERM", "record", "moment", 0.3),
    ("exception", "load", "operation", 0.3),
    ("exception", "train", "operation", 0.6),
    ("exception", "record", "operation", 0.5),
    ("permission denied", "train", "operation", 0.3),
    *(
        (kind, step, how, share)
        for kind in ("disk full", "permission denied")
        for step, how, share in shares(3, dict.fromkeys(STEPS, 1))
        if how == "operation"
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "step", "how", "share"),
    [*(("kill -9", step, how, share) for step, how, share in shares(0, KILLS_EACH_WAY)), *OTHERS],
)
def test_a_fault_at_any_point_loses_nothing(
    laboratory: Laboratory,
    tmp_path: Path,
    record_property: Note,
    kind: Kind,
    step: str,
    how: str,
    share: float,
) -> None:
    record_property("fault", f"{kind} in {step}" if kind == "kill -9" else kind)
    artifacts = laboratory.copy_without(step, tmp_path)
    require_end_by(laboratory, artifacts, laboratory.fault(kind, step, how, share))
    require_next_run(laboratory, artifacts)


@pytest.mark.parametrize("kibibytes", [100, pytest.param(300, marks=SLOW)])
def test_a_really_full_disk_ends_the_run_with_one_sentence(
    laboratory: Laboratory, tmp_path: Path, record_property: Note, kibibytes: int
) -> None:
    record_property("fault", "disk full, a real one")
    with tiny_disk(tmp_path / "disk", kibibytes) as disk:
        status, log = laboratory.run(disk / "artifacts")
        assert status == 1, log
        assert "the disk is full; free or unlock it" in log
        assert "Traceback" not in log
        assert finished_runs(disk / "artifacts") == {}
        saved = shutil.copytree(disk / "artifacts", tmp_path / "artifacts")
    require_next_run(laboratory, Path(saved))


@pytest.mark.parametrize(("step", "share"), [pytest.param("load", 0.1, marks=SLOW), ("train", 0.5)])
def test_a_passing_fault_is_got_over_by_a_retry_within_the_run(
    laboratory: Laboratory, tmp_path: Path, record_property: Note, step: str, share: float
) -> None:
    record_property("fault", "passing I/O error, task retried")
    artifacts = laboratory.copy_without(step, tmp_path)
    fault = laboratory.fault("passing I/O error", step, "operation", share)
    status, log = laboratory.run(artifacts, fault)
    assert status == 0, log
    assert "Retry 1/3 will start" in log
    assert step != "train" or "resuming after epoch" in log
    (undisturbed,) = finished_runs(laboratory.undisturbed).values()
    assert all(
        first_difference(undisturbed, run) is None for run in finished_runs(artifacts).values()
    )
    require_next_run(laboratory, artifacts)


def damage(path: Path, chance: random.Random) -> str:
    """Do to a file what disks and people do, and say what."""
    content = path.read_bytes()
    how = chance.choice(["flipped", "truncated", "empty", "gone"])
    if how == "gone":
        path.unlink()
    elif how == "flipped":
        path.write_bytes(with_flipped_bit(content, chance.randrange(len(content))))
    else:
        path.write_bytes(content[: chance.randrange(len(content)) if how == "truncated" else 0])
    return f"{path} {how}"


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=SLOW)])
def test_a_damaged_cache_is_computed_again(
    laboratory: Laboratory, tmp_path: Path, record_property: Note, seed: int
) -> None:
    artifacts, chance = laboratory.copy_without(None, tmp_path), random.Random(seed)
    for kind in ("keys", "records", "results", "objects"):
        record_property("fault", f"corrupt cache: {kind}")
        folder = artifacts / "cache" / kind
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        done = [damage(path, chance) for path in chance.sample(files, 3)]
        manifest = require_next_run(laboratory, artifacts)
        hits = {run.step for run in manifest.steps if run.cached}
        assert (hits == set(CACHED_STEPS)) == (kind == "keys"), done
    last = require_next_run(laboratory, artifacts)
    assert {run.step for run in last.steps if run.cached} == set(CACHED_STEPS)


@pytest.mark.parametrize("step", ["train", pytest.param("record", marks=SLOW)])
def test_a_clock_that_goes_backwards_changes_nothing(
    laboratory: Laboratory, tmp_path: Path, record_property: Note, step: str
) -> None:
    record_property("fault", "clock a day back")
    artifacts = laboratory.copy_without(step, tmp_path)
    status, log = laboratory.run(artifacts, Fault(kind="clock a day back", step=step))
    assert status == 0, log
    older, newer = sorted(finished_runs(artifacts).values(), key=lambda run: run.created)
    assert older.created[:10] < newer.created[:10]
    assert first_difference(newer, older) is None
    require_next_run(laboratory, artifacts)


@pytest.mark.parametrize("step", [pytest.param("load", marks=SLOW), "train"])
def test_the_second_of_two_runs_goes_on_when_the_first_is_killed(
    laboratory: Laboratory, tmp_path: Path, record_property: Note, step: str
) -> None:
    record_property("fault", "two runs at once, one killed")
    artifacts = tmp_path / "artifacts"
    logs = [tmp_path / "killed.log", tmp_path / "other.log"]
    fault = laboratory.fault("kill -9", step, "operation", 0.5)
    first, second = (
        laboratory.start(logs[0], artifacts, fault),
        laboratory.start(logs[1], artifacts),
    )
    assert second.wait() == 0, logs[1].read_text()
    first.wait()
    require_next_run(laboratory, artifacts)
