"""The plan of a training: what it says, by which runs it judges, and that it only looks."""

from pathlib import Path
from typing import Any

import pytest

from flows.cli import train
from flows.display.plan import plan_shown
from tasks import plan as module
from tasks.cache.plan_runner import PlannedStep
from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import CPU
from tasks.common.errors import AcceleratorError, BadDataError
from tasks.config.request import TrainOptions
from tasks.plan import PlannedRun, plan_training
from tasks.run_summary import RunSummary
from tasks.runs import environment
from tasks.runs import past_steps as past
from tasks.runs.find import Run, find_run
from tests.support.commands import imported_by
from tests.support.small_run import small_config
from tests.support.start_run import ngram_config


def planned(done: RunSummary, small_reviews: Path, **changes: Any) -> PlannedRun:
    """Plan the finished run once more, with changes to how it learns."""
    config = ngram_config(small_reviews)
    fit = config.fit.model_copy(update=changes)
    artifacts = done.folder.parent.parent
    return plan_training(
        TrainOptions(
            config=config.model_copy(update={"fit": fit}), accelerator="cpu", artifacts=artifacts
        )
    )


def outcomes(plan: PlannedRun) -> dict[str, str]:
    return {step.step: step.outcome for step in plan.steps}


def test_a_run_again_would_come_from_the_cache(done: RunSummary, small_reviews: Path) -> None:
    plan = planned(done, small_reviews)
    assert {s.step: s.why for s in plan.steps if s.outcome != "cached"} == {}
    assert all(done.folder.name[-8:] in step.why for step in plan.steps)
    assert sum(seconds or 0 for seconds in plan.seconds) < 5
    options = TrainOptions(config=ngram_config(small_reviews), accelerator="cpu", artifacts=Path())
    assert "Time: about 1 s in all steps." in plan_shown(plan, options)


def test_other_settings_miss_from_their_step_on(done: RunSummary, small_reviews: Path) -> None:
    plan = planned(done, small_reviews, epochs=6)
    expected = dict.fromkeys(("load", "baseline", "pad", "persist-parquet", "build"), "cached")
    expected |= {"train": "computed"}
    expected |= dict.fromkeys(("evaluate", "plot", "analyse"), "depends")
    assert outcomes(plan) == expected
    assert next(step.why for step in plan.steps if step.step == "train") == "epochs 2 → 6"


def test_prefects_own_setting_refreshes_all_of_it(
    done: RunSummary, small_reviews: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_TASKS_REFRESH_CACHE", "True")
    plan = planned(done, small_reviews)
    assert {step.why for step in plan.steps} == {"a refresh was requested"}
    assert set(outcomes(plan).values()) == {"computed"}


def a_run(done: RunSummary) -> Run:
    return find_run(done.folder.parent.parent, done.folder.name)


def test_a_training_is_taken_to_last_as_many_epochs_as_before(
    done: RunSummary, small_reviews: Path
) -> None:
    run = a_run(done)
    (before,) = (step for step in run.manifest.steps if step.step == "train")
    starts = max(step.start_seconds for step in run.manifest.steps)
    plan = planned(done, small_reviews, epochs=6)
    names = [step.step for step in plan.steps]
    seconds = plan.seconds[names.index("train")]
    assert seconds is not None
    alone = before.seconds - before.start_seconds
    assert seconds == pytest.approx(3 * alone + starts, abs=0.01)
    assert plan.like == done.folder.name
    assert plan.memory_mib > 100
    assert plan.disk_bytes > sum(file.size for file in run.manifest.files.values())


def test_a_training_is_taken_to_stop_as_long_after_the_best_epoch_of_one_like_it(
    done: RunSummary,
) -> None:
    run = a_run(done)
    store = ArtifactStore(done.folder.parent.parent)
    manifest = run.manifest
    early = manifest.training.model_copy(update={"epochs_run": 2, "best_epoch": 1})
    stopped = Run(folder=run.folder, manifest=manifest.model_copy(update={"training": early}))
    (step,) = (step for step in manifest.steps if step.step == "train")
    parts = past._parts(store, step)
    assert parts is not None
    fit = parts.config["fit"] | {"epochs": 20, "stop_patience": 4}
    longer = parts.model_copy(update={"config": parts.config | {"fit": fit}})
    planned = PlannedStep(step="train", outcome="computed", why="", parts=longer)
    found = past.expected(store, [past.PastStep(stopped, step, parts)], planned, 8)
    assert found is not None
    assert found.seconds == pytest.approx((step.seconds - step.start_seconds) / 2 * 5)
    other = parts.model_copy(update={"config": parts.config | {"network": {"architecture": "x"}}})
    unlike = planned.model_copy(update={"parts": other})
    assert past.expected(store, [past.PastStep(run, step, parts)], unlike, 8) is None


def test_two_sizes_of_a_training_tell_what_compiling_takes() -> None:
    of_one_size = [(400, 28.0), (400, 30.0), (400, 29.0)]
    assert past._seconds_at(800, of_one_size) == pytest.approx(57)
    assert past._seconds_at(800, [*of_one_size, (600, 38.0)]) == pytest.approx(49, abs=1)
    for seconds in (1.0, 100.0):  # of a noisy machine
        assert 42 <= past._seconds_at(800, [*of_one_size, (600, seconds)]) <= 58


def test_runs_of_another_machine_or_device_tell_nothing(
    done: RunSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtifactStore(done.folder.parent.parent)
    assert past.past_steps(store, CPU)
    gpu = CPU.model_copy(update={"kind": "gpu", "name": "a card"})
    assert past.past_steps(store, gpu) == []
    here = environment.describe_machine()
    monkeypatch.setattr(past, "describe_machine", lambda: here | {"cores": 999})
    assert past.past_steps(store, CPU) == []


def test_without_runs_it_says_what_is_not_known(tmp_path: Path, small_reviews: Path) -> None:
    options = TrainOptions(
        config=small_config(small_reviews), accelerator="cpu", artifacts=tmp_path / "nothing"
    )
    plan = plan_training(options)
    assert set(outcomes(plan).values()) == {"computed"}
    assert {step.why for step in plan.steps} == {"there is no earlier result of this step"}
    assert plan.seconds == [None] * len(plan.steps)
    lines = [line for line in plan_shown(plan, options) if isinstance(line, str)]
    assert any(line.startswith("Time: not known") for line in lines)
    assert not (tmp_path / "nothing").exists()


def test_reviews_that_are_not_here_leave_all_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_reviews", lambda *_: (None, ["imdb.npz"]))
    options = TrainOptions(
        config=small_config(tmp_path), accelerator="cpu", artifacts=tmp_path / "nothing"
    )
    plan = plan_training(options)
    assert set(outcomes(plan).values()) == {"depends"}
    assert any("imdb.npz would be brought" in str(line) for line in plan_shown(plan, options))


def test_what_a_run_would_be_refused_for_a_plan_is_too(tmp_path: Path) -> None:
    options = TrainOptions(
        config=small_config(tmp_path / "missing.csv"), accelerator="cpu", artifacts=tmp_path
    )
    with pytest.raises(BadDataError, match=r"missing\.csv: there is no such file"):
        plan_training(options)
    with pytest.raises(AcceleratorError):
        plan_training(options.model_copy(update={"accelerator": "gpu:99"}))


def test_the_command_needs_neither_prefect_nor_tensorflow_and_writes_nothing(
    tmp_path: Path, small_reviews: Path
) -> None:
    words = ["--train-file", str(small_reviews), "--plan", "--artifacts", str(tmp_path / "none")]
    loaded = imported_by(
        f"from flows.cli import train\nfrom flows.cli.app import main\nmain(train.app, {words})"
    )
    assert not {"prefect", "tensorflow", "keras", "sklearn", "matplotlib"} & loaded
    assert not (tmp_path / "none").exists()


def test_drift_and_promotion_are_named(
    done: RunSummary, small_reviews: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts = str(done.folder.parent.parent)
    words = ["--train-file", str(small_reviews), "--plan", "--check-drift", "--promote"]
    assert train.app([*words, "--artifacts", artifacts], result_action="return_value") is None
    shown = capsys.readouterr().out
    assert "Drift is checked after load" in shown
    assert "Promotion is decided after the run." in shown
    assert "Nothing was started or written." in shown


def test_a_planned_step_says_what_is_likely() -> None:
    open_one = PlannedStep(step="pad", outcome="depends", why="", parts=None, same_input=True)
    assert open_one.is_likely_cached
    assert not open_one.model_copy(update={"same_input": False}).is_likely_cached
