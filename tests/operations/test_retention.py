"""Retention over random histories: what is needed stays, what is not goes, whenever it is cut."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.artifact_store import ArtifactStore
from tasks.config.operations import RetentionConfig
from tasks.operations.inventory import Found, Kind
from tasks.operations.retention import Removal, apply_retention, plan_retention

NOW, DAY_S = 1_000_000_000.0, 86_400

AGES = (("new", 3), ("old", 30), ("new.json", 80), ("old.json", 100))


@dataclass
class History:
    """An invented artifacts folder: runs, what each used, and how old everything is."""

    runs: list[Found] = field(default_factory=list)
    entries: dict[str, Found] = field(default_factory=dict)

    def inventory(self) -> list[Found]:
        objects = {name for entry in self.entries.values() for name in entry.objects}
        files = [found("stored file", Path("objects") / name) for name in objects | {"orphan.bin"}]
        return [*self.runs, *self.entries.values(), *files]


def found(kind: Kind, *paths: Path, age_days: float = 100, **more: Any) -> Found:
    changed = NOW - age_days * DAY_S
    return Found(kind=kind, name=paths[0].name, paths=paths, changed=changed, size=10, **more)


@st.composite
def histories(draw: st.DrawFn) -> History:
    history = History()
    names = [f"step{number % 3}/{number:064x}" for number in range(8)]
    for name in names:
        age = draw(st.floats(0, 60))
        used = draw(st.sets(st.sampled_from("abcdef"), min_size=1, max_size=3))
        objects = frozenset(f"{letter}.bin" for letter in used)
        paths = (Path("records") / name, Path("results") / name)
        history.entries[name] = found(
            "cached result", *paths, age_days=age, keys=frozenset({name}), objects=objects
        )
    for number in range(draw(st.integers(0, 6))):
        keys = draw(st.none() | st.frozensets(st.sampled_from(names), max_size=4))
        path, age = Path("runs") / f"run{number}", draw(st.floats(0, 400))
        history.runs.append(found("run", path, age_days=age, keys=keys))
    return history


CONFIGS = st.builds(RetentionConfig, keep_runs=st.integers(0, 4), keep_unused_days=st.floats(0, 40))


def removed(plan: list[Removal], kind: str) -> set[Path]:
    return {path for removal in plan if removal.kind == kind for path in removal.paths}


@given(histories(), CONFIGS, st.sets(st.sampled_from([f"run{number}" for number in range(6)])))
def test_nothing_is_removed_that_a_kept_run_needs_and_nothing_stays_that_nobody_needs(
    history: History, config: RetentionConfig, protected: set[str]
) -> None:
    plan = plan_retention(history.inventory(), protected, config, NOW)
    removed_runs = removed(plan, "run")
    kept = [run for run in history.runs if run.paths[0] not in removed_runs]
    newest = sorted(
        (run for run in history.runs if run.keys is not None),
        key=lambda run: (run.changed, run.name),
        reverse=True,
    )[: config.keep_runs]
    for run in history.runs:
        must_stay = run in newest or run.name in protected or run.keys is None
        assert (run in kept) == must_stay
    used = {key for run in kept for key in run.keys or ()}
    removed_entries = removed(plan, "cached result")
    for key, entry in history.entries.items():
        is_old = entry.changed <= NOW - config.keep_unused_days * DAY_S
        assert (set(entry.paths) <= removed_entries) == (key not in used and is_old)
    still_named = {
        name
        for entry in history.entries.values()
        if entry.paths[0] not in removed_entries
        for name in entry.objects
    }
    for path in removed(plan, "stored file"):
        assert path.name not in still_named
    assert Path("objects/orphan.bin") in removed(plan, "stored file")


@given(histories(), CONFIGS)
def test_a_file_is_removed_only_after_every_result_that_names_it(
    history: History, config: RetentionConfig
) -> None:
    plan = plan_retention(history.inventory(), (), config, NOW)
    kinds = [removal.kind for removal in plan]
    order = ["run", "cached result", "stored file", "training", "leftover"]
    assert kinds == sorted(kinds, key=order.index)
    for removal in plan:
        if removal.kind == "cached result":
            assert [path.parts[0] for path in removal.paths] == ["records", "results"]


def test_an_unfinished_training_and_the_record_of_a_failure_go_when_they_are_old() -> None:
    trainings = [found("training", Path(name), age_days=age) for name, age in AGES[:2]]
    failures = [found("failure record", Path(name), age_days=age) for name, age in AGES[2:]]
    config = RetentionConfig(keep_unused_days=14, keep_failures_days=90)
    plan = plan_retention([*trainings, *failures], (), config, NOW)
    assert removed(plan, "training") == {Path("old")}
    assert removed(plan, "failure record") == {Path("old.json")}


def test_a_folder_that_cannot_be_removed_whole_is_no_longer_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    run = ArtifactStore(tmp_path).runs / "20260101T000000Z-aaaaaaaa"
    run.mkdir(parents=True)
    (run / "manifest.json").write_text(json.dumps({}))

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    removal = Removal(kind="run", name=run.name, paths=(run,), why="old", size=2)
    with pytest.raises(KeyboardInterrupt):
        apply_retention([removal])
    (left,) = ArtifactStore(tmp_path).runs.iterdir()
    assert left.name.startswith(".writing-")
