import json
from pathlib import Path

import pytest

from tasks.cache.source_fingerprint import fingerprint
from tasks.config.training import FitConfig
from tasks.training.progress import TrainingProgress, watch_training
from tests.support.power_cut import PowerCut
from tests.support.small_run import small_config, train_bag

STEPS = 10
"""Steps of an epoch: 154 reviews in batches of 16."""


def told(
    prepared: Path,
    folder: Path,
    *,
    state: Path | None = None,
    cut_at: int | None = None,
    every: int | None = None,
    **changes: float,
) -> list[TrainingProgress]:
    """Train and return all that a watcher is told, until it is cut after `cut_at` tellings."""
    fit = FitConfig.model_validate(small_config(prepared).fit.model_dump() | changes)
    seen: list[TrainingProgress] = []

    def watch(progress: TrainingProgress) -> None:
        seen.append(progress)
        if len(seen) == cut_at:
            raise PowerCut

    with watch_training(watch):
        try:
            train_bag(prepared, folder, fit, state=state, save_every_steps=every)
        except PowerCut:
            assert cut_at
    return seen


def places(seen: list[TrainingProgress]) -> list[tuple[int, int]]:
    return [(progress.epochs_done, progress.step) for progress in seen]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watched")


@pytest.fixture(scope="module")
def seen(prepared: Path, folder: Path) -> list[TrainingProgress]:
    """What is told of a training of two epochs."""
    return told(prepared, folder)


def test_each_step_and_each_epoch_is_told(seen: list[TrainingProgress]) -> None:
    of_epochs = [(epoch, step) for epoch in (0, 1) for step in range(STEPS + 1)]
    assert places(seen) == [*of_epochs, (2, 0), (2, 0)]
    assert {(progress.most_epochs, progress.steps) for progress in seen[:-1]} == {(2, STEPS)}
    assert [progress.finished for progress in seen] == [False] * (len(seen) - 1) + [True]


def test_metrics_are_those_of_the_last_epoch(seen: list[TrainingProgress], folder: Path) -> None:
    history = json.loads((folder / "history.json").read_text())
    for progress in seen:
        done = progress.epochs_done
        expected = {name: values[done - 1] for name, values in history.items()} if done else {}
        assert progress.metrics == expected


@pytest.mark.usefixtures("seen")
def test_watched_or_not_a_training_ends_with_equal_weights(
    prepared: Path, folder: Path, tmp_path: Path
) -> None:
    train_bag(prepared, tmp_path)
    assert (tmp_path / "history.json").read_bytes() == (folder / "history.json").read_bytes()


def test_an_early_stop_is_told_as_the_end(prepared: Path, tmp_path: Path) -> None:
    # A rate this high makes no progress after the first epochs.
    seen = told(prepared, tmp_path, epochs=30, learning_rate=9.0, stop_patience=2)
    assert seen[-1].finished
    assert seen[-1].epochs_done < seen[-1].most_epochs == 30


def test_a_training_that_goes_on_is_told_from_where_it_was(prepared: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    told(prepared, tmp_path / "a", state=state, cut_at=STEPS + 5, every=2, epochs=3)
    inside = told(prepared, tmp_path / "b", state=state, cut_at=STEPS + 1, every=2, epochs=3)
    last = told(prepared, tmp_path / "c", state=state, every=2, epochs=3)
    for seen, place in ((inside, (1, 2)), (last, (2, 0))):
        assert places(seen)[0] == place
        assert "val_loss" in seen[0].metrics
        assert places(seen) == sorted(places(seen))
    assert last[-1] == TrainingProgress(3, 3, 0, 0, last[-1].metrics, finished=True)


def test_no_code_that_shows_progress_is_a_part_of_the_trainings_cache_key() -> None:
    reached = fingerprint("tasks.steps", "train").definitions
    assert "tasks.training.progress.tell_progress" in reached
    assert "tasks.training.progress.watch_training" not in reached
    assert not [name for name in reached if name.startswith("flows.")]
