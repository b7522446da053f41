"""What a plan says of each step is what the run then does, whatever was changed before."""

import random
import shutil
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from tasks import steps
from tasks.cache import key as key_module
from tasks.cache import policy
from tasks.cache.key import KeyParts, key_parts
from tasks.cache.plan_runner import PlannedStep, PlanRunner
from tasks.cache.runner import StepRunner
from tasks.cache.step_function import StepFunction
from tasks.chain import Runner, learn_and_judge, load
from tasks.common.artifact_store import ArtifactStore, Fact, StepOutput, StepRun
from tasks.common.canonical_json import json_sha256
from tasks.common.device import CPU
from tasks.config.training import TrainingConfig
from tasks.data.sources.source_files import SourceFiles

CACHED: list[StepFunction[..., StepOutput]] = [
    steps.load,
    steps.baseline,
    steps.pad,
    steps.persist,
    steps.build,
    steps.train,
    steps.evaluate,
    steps.plot,
    steps.analyse,
]

NAMES = [step.name for step in CACHED]


def stand_in(step: StepFunction[..., StepOutput]) -> Callable[..., StepOutput]:
    """Return what takes the place of a step's function: quick, and often equal for other inputs."""

    @wraps(step.function)
    def leave_something(store: ArtifactStore, *args: Any, **kwargs: Any) -> StepOutput:
        parts = key_parts(step.name, leave_something, step.arguments(store, *args, **kwargs))
        said = json_sha256([parts.config, parts.inputs])
        with store.workspace() as folder:
            # In half of all cases only one thing of all that is given matters.
            (folder / "made").write_text(said if int(said, 16) % 2 else step.name)
            facts: dict[str, Fact] = {"protocol": "honest", "test_reviews": 1}
            facts["label_names"] = [*"abcd"][: 2 + int(said, 16) % 3]
            return store.keep(step.name, folder, facts)

    return leave_something


class World:
    """All that a run depends on; `change` changes something of it."""

    def __init__(self, store: ArtifactStore, chance: random.Random) -> None:
        """Begin with the default config and nothing in the store."""
        self.store = store
        self.config = TrainingConfig()
        self.raw = "raw"
        self.code: dict[str, str] = {}
        self.libraries: dict[str, str] = {}
        self.refresh: tuple[str, ...] = ()
        self._chance = chance

    def change(self) -> None:
        self.refresh = ()
        changes = [self._config] * 3 + [self._data, self._code, self._library, self._refresh]
        self._chance.choice([*changes, self._damage, self._nothing])()

    def _data(self) -> None:
        self.raw = self._chance.choice(["raw", "grown", "other"])

    def _code(self) -> None:
        self.code[self._chance.choice(NAMES)] = self._chance.choice("abc")

    def _library(self) -> None:
        self.libraries[self._chance.choice(["keras", "numpy"])] = self._chance.choice("12")

    def _refresh(self) -> None:
        self.refresh = (self._chance.choice([*NAMES, "all"]),)

    def _nothing(self) -> None:
        pass

    def _config(self) -> None:
        settings: list[tuple[str, str, list[float]]] = [
            ("data", "row_group_rows", [1000, 2000]),
            ("text", "maxlen", [100, 200]),
            ("text", "num_words", [5000, 9000]),
            ("protocol", "validation_fraction", [0.1, 0.2]),
            ("fit", "epochs", [1, 2, 3]),
            ("fit", "seed", [1, 2]),
            ("fit", "learning_rate", [0.1, 0.01]),
            ("fit", "evaluation_batch_size", [64, 128]),
            ("saving", "save_every_steps", [10, 20]),
        ]
        group, name, values = self._chance.choice(settings)
        known = self.config.model_dump()
        known[group][name] = self._chance.choice(values)
        self.config = TrainingConfig.model_validate(known)

    def _damage(self) -> None:
        folder = self._chance.choice([self.store.objects, self.store.records, self.store.results])
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        if files:
            file = self._chance.choice(files)
            file.write_bytes(b"{}") if self._chance.random() < 0.5 else file.unlink()

    def reached(
        self, real: Callable[[str, str], Any], module: str, function: str
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the source and the libraries of a step as they are in this world."""
        source, libraries = real(module, function)
        mine = {f"{module}.{function}": self.code.get(function, "as it is")}
        return source | mine, {name: self.libraries.get(name, v) for name, v in libraries.items()}

    def go_through(self, run: Runner) -> None:
        files = SourceFiles(
            source="files", form="files", paths={}, sha256={"train": self.raw}, reason="r"
        )
        loaded = load(run, files, self.config)
        learn_and_judge(run, loaded, self.config, files, CPU)


def contradictions(world: World, turns: int) -> Iterator[str]:
    """Yield where a plan said another thing than the run then did."""
    for turn in range(turns):
        world.change()
        before = snapshot(world.store.root)
        plan = PlanRunner(world.store, refresh=world.refresh)
        world.go_through(plan)
        if snapshot(world.store.root) != before:
            yield f"turn {turn}: the plan changed something"
        run = StepRunner(world.store, refresh=world.refresh)
        world.go_through(run)
        for planned, done in zip(plan.planned, run.runs, strict=True):
            if not agree(planned, done):
                yield f"turn {turn}: {planned.step} {planned.outcome}, {planned.why}; but {done}"


def agree(planned: PlannedStep, done: StepRun) -> bool:
    if planned.step != done.step:
        return False
    if planned.outcome == "depends":
        return True
    if done.cached != (planned.outcome == "cached"):
        return False
    knows_inputs = isinstance(planned.parts, KeyParts) and "?" not in planned.parts.inputs.values()
    return not knows_inputs or planned.why == done.why


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    if not folder.exists():
        return {}
    found = {path: path.stat() for path in folder.rglob("*")}
    return {str(path): (stat.st_mtime_ns, stat.st_size) for path, stat in found.items()}


@pytest.mark.parametrize(
    "turns", [pytest.param(15, id="some"), pytest.param(200, id="many", marks=pytest.mark.slow)]
)
def test_whatever_was_changed_the_run_does_what_the_plan_says(
    turns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(ArtifactStore(tmp_path / "artifacts"), random.Random(turns))
    real = key_module._reached
    monkeypatch.setattr(key_module, "_reached", lambda *names: world.reached(real, *names))
    monkeypatch.setattr(policy, "source_was_edited", lambda _: False)  # the files are as they were
    for step in CACHED:
        # The chain holds the step itself, so its function is exchanged in place.
        monkeypatch.setitem(step.__dict__, "function", stand_in(step))

    @flow
    def many_runs() -> list[str]:
        with world.store.in_use():
            return list(contradictions(world, turns))

    assert many_runs() == []
    shutil.rmtree(tmp_path / "artifacts")
