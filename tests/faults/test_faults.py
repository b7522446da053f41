"""Whatever befalls a run: the next one succeeds, and nothing that was finished is lost."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tasks.cache.policy import VerifiedRecords
from tasks.common.artifact_store import ArtifactStore, StepOutput
from tasks.runs.manifest import Manifest, read_manifest
from tasks.runs.verify import first_difference
from tests.support.faults.injection import STEPS, Fault, Kind, StepCosts
from tests.support.faults.tiny_disk import tiny_disk
from tests.support.run_forker import RunForker, costs_of
from tests.support.servers.real_server import prefect_server_process
from tests.support.small_run import write_reviews
from tests.support.terminal_run import SMALL_NETWORK

Note = Callable[[str, object], None]

CACHED_STEPS = STEPS[1:-1]

KILLS_EACH_WAY = dict.fromkeys(STEPS, 10) | {"train": 33}
"""How often a step is killed at one of its file operations, and as often at a moment."""

SLOW = pytest.mark.slow


@dataclass(frozen=True)
class Laboratory:
    """Runs to let faults befall, and an undisturbed one to compare with."""

    forker: RunForker
    reviews: Path
    undisturbed: Path
    costs: StepCosts

    def run(self, artifacts: Path, fault: Fault | None = None) -> tuple[int, str]:
        """Run the flow and return its status and log."""
        log = artifacts.parent / "run.log"
        status = self.forker.run(log, *arguments(self.reviews, artifacts), fault=fault)
        return status, log.read_text()

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


def arguments(reviews: Path, artifacts: Path) -> list[str]:
    training = ["--epochs=3", "--batch-size=16", "--save-every-steps=4", "--accelerator=cpu"]
    data = ["--source=files", f"--train-file={reviews}", f"--artifacts={artifacts}"]
    return [*SMALL_NETWORK, *training, *data]


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    folder = tmp_path_factory.mktemp("laboratory")
    reviews = write_reviews(folder / "reviews.csv", 240)
    with prefect_server_process(folder) as (url, _):
        forker = RunForker(url, folder)
        log, artifacts = folder / "undisturbed.log", folder / "artifacts"
        assert forker.run(log, *arguments(reviews, artifacts)) == 0, log.read_text()
        costs = costs_of(log)
        # Where nothing is trained, no saved training is removed after the record.
        cached = Path(shutil.copytree(artifacts, folder / "cached"))
        assert forker.run(log, *arguments(reviews, cached)) == 0, log.read_text()
        costs.operations["record"] = costs_of(log).operations["record"]
        yield Laboratory(forker, reviews, artifacts, costs)
        forker.close()


def results(artifacts: Path, step: str) -> list[StepOutput]:
    files = sorted((ArtifactStore(artifacts).results / step).glob("*"))
    return [StepOutput.model_validate(json.loads(file.read_bytes())["data"]) for file in files]


def forget(artifacts: Path, step: str) -> None:
    """Remove all that the cache knows of a step."""
    store = ArtifactStore(artifacts)
    for output in results(artifacts, step):
        for name in output.files:
            store.file(output, name).unlink()
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


def kills() -> list[ParameterSet]:
    """Return kills of which one for each step is not slow, in turn at an operation or moment."""
    first = {(step, ("operation", "moment")[place % 2]) for place, step in enumerate(STEPS)}
    first.add(("train", "moment"))
    found = []
    for step, how, share in shares(0, KILLS_EACH_WAY):
        found.append(pytest.param(step, how, share, marks=() if (step, how) in first else SLOW))
        first.discard((step, how))
    return found


@pytest.mark.parametrize(("step", "how", "share"), kills())
def test_a_kill_at_any_point_loses_nothing(
    laboratory: Laboratory,
    tmp_path: Path,
    record_property: Note,
    step: str,
    how: str,
    share: float,
) -> None:
    record_property("fault", f"kill -9 in {step}")
    artifacts = laboratory.copy_without(step, tmp_path)
    status, log = laboratory.run(artifacts, laboratory.fault("kill -9", step, how, share))
    assert status == -9, log
    require_next_run(laboratory, artifacts)


@pytest.mark.parametrize(
    ("step", "how", "share"),
    [
        pytest.param("load", "operation", 0.4, marks=SLOW),
        ("train", "moment", 0.6),
        ("record", "moment", 0.3),
    ],
)
def test_a_polite_kill_loses_nothing(
    laboratory: Laboratory,
    tmp_path: Path,
    record_property: Note,
    step: str,
    how: str,
    share: float,
) -> None:
    record_property("fault", "SIGTERM")
    artifacts = laboratory.copy_without(step, tmp_path)
    status, log = laboratory.run(artifacts, laboratory.fault("SIGTERM", step, how, share))
    assert status != 0, log
    require_next_run(laboratory, artifacts)


DISK_FULL = ("load", "train", "plot", "record")

DISK_FAULTS = [
    pytest.param(kind, step, share, marks=() if kind == "disk full" and step in DISK_FULL else SLOW)
    for kind in ("disk full", "permission denied")
    for step, how, share in shares(3, dict.fromkeys(STEPS, 1))
    if how == "operation"
]


@pytest.mark.parametrize(
    ("kind", "step", "share"), [*DISK_FAULTS, ("permission denied", "train", 0.3)]
)
def test_a_disk_that_cannot_be_written_to_ends_the_run_with_one_sentence(
    laboratory: Laboratory,
    tmp_path: Path,
    record_property: Note,
    kind: Kind,
    step: str,
    share: float,
) -> None:
    record_property("fault", kind)
    artifacts = laboratory.copy_without(step, tmp_path)
    status, log = laboratory.run(artifacts, laboratory.fault(kind, step, "operation", share))
    assert status == 1, log
    reason = "the disk is full" if kind == "disk full" else kind
    assert f"error: cannot write below {artifacts}: {reason}; free or unlock it" in log
    assert "Traceback" not in log
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


@pytest.mark.parametrize(
    ("step", "share"),
    [
        pytest.param("load", 0.3, marks=SLOW),
        ("train", 0.6),
        pytest.param("record", 0.5, marks=SLOW),
    ],
)
def test_an_unforeseen_exception_loses_nothing(
    laboratory: Laboratory, tmp_path: Path, record_property: Note, step: str, share: float
) -> None:
    record_property("fault", "exception")
    artifacts = laboratory.copy_without(step, tmp_path)
    status, log = laboratory.run(artifacts, laboratory.fault("exception", step, "operation", share))
    assert status == 1, log
    assert "an injected exception" in log
    require_next_run(laboratory, artifacts)


@pytest.mark.parametrize(("step", "share"), [("load", 0.1), ("train", 0.5)])
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
        place = chance.randrange(len(content))
        path.write_bytes(
            content[:place]
            + bytes([content[place] ^ chance.randrange(1, 256)])
            + content[place + 1 :]
        )
    else:
        path.write_bytes(content[: chance.randrange(len(content)) if how == "truncated" else 0])
    return f"{path} {how}"


@pytest.mark.parametrize("kind", ["keys", "records", "results", "objects"])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=SLOW)])
def test_a_damaged_cache_is_computed_again(
    laboratory: Laboratory, tmp_path: Path, record_property: Note, kind: str, seed: int
) -> None:
    record_property("fault", f"corrupt cache: {kind}")
    artifacts, chance = laboratory.copy_without(None, tmp_path), random.Random(f"{kind} {seed}")
    folder = artifacts / "cache" / kind
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    done = [damage(path, chance) for path in chance.sample(files, 3)]
    manifest = require_next_run(laboratory, artifacts)
    hits = {run.step for run in manifest.steps if run.cached}
    assert (hits == set(CACHED_STEPS)) == (kind == "keys"), done
    assert require_next_run(laboratory, artifacts).steps[1].cached


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
    command = arguments(laboratory.reviews, artifacts)
    statuses = laboratory.forker.run_together(logs, *command, faults=[fault, None])
    assert statuses[1] == 0, logs[1].read_text()
    require_next_run(laboratory, artifacts)
