"""An interrupted training resumes to the very weights of an uninterrupted one."""

import logging
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.training.checkpoint import restore_state
from tasks.training.progress import TrainingProgress, watch_training
from tasks.training.step import trained_form
from tests.support.faults.killed_training import FIT, SAVED_EVERY
from tests.support.power_cut import PowerCut, cut_at
from tests.support.run_forker import RunForker
from tests.support.samples.real_reviews import write_real_reviews
from tests.support.samples.three_labels import write_three_labels
from tests.support.small_run import prepare, train_small
from tests.support.terminal_run import (
    FIVE_EPOCHS,
    finish,
    from_file,
    kill_run,
    start_terminal_run,
    wait_for_line,
)

Note = Callable[[str, object], None]


def train(
    prepared: Path, folder: Path, state: Path | None = None, every: int | None = None
) -> dict[str, Any]:
    return train_small(prepared, folder, FIT, state=state, save_every_steps=every)


@pytest.fixture(scope="module")
def uninterrupted(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return train(prepared, tmp_path_factory.mktemp("whole"))


def kill_training(forker: RunForker, prepared: Path, folder: Path) -> Path:
    """Return the state of a training whose process was killed in its fifth epoch."""
    folder.mkdir(exist_ok=True)
    log, module = folder / "training.log", "tests.support.faults.killed_training"
    training = forker.start_module(log, module, f"{prepared}\n{folder}")
    assert training.wait() == -signal.SIGKILL, log.read_text()
    return folder / "state"


@pytest.fixture(scope="module")
def killed(forker: RunForker, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kill_training(forker, prepared, tmp_path_factory.mktemp("killed"))


def test_a_training_killed_in_its_fifth_epoch_goes_on_to_the_same_weights(
    prepared: Path,
    uninterrupted: dict[str, Any],
    killed: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    record_property: Note,
) -> None:
    record_property("fault", "SIGKILL in epoch 5 of 6 of a training")
    state = shutil.copytree(killed, tmp_path / "state")
    with caplog.at_level(logging.INFO, "tasks"):
        assert train(prepared, tmp_path / "resumed", state, SAVED_EVERY) == uninterrupted
    assert uninterrupted["training_step"] == "fast"
    assert uninterrupted["temperature"] != 1
    assert "resuming after epoch 4, step 2 of" in caplog.text


@pytest.mark.slow
def test_a_killed_training_of_three_labels_does_so_too(
    forker: RunForker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reviews = write_three_labels(tmp_path / "reviews.csv", 240, seed=2)  # learns till the end
    prepared = prepare(reviews, tmp_path / "sets")
    state = kill_training(forker, prepared, tmp_path / "killed")
    with caplog.at_level(logging.INFO, "tasks"):
        resumed = train(prepared, tmp_path / "resumed", state, SAVED_EVERY)
    assert "resuming after epoch 4, step 2 of" in caplog.text
    assert resumed == train(prepared, tmp_path / "whole")
    assert resumed["training_step"] == "fast"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("places", "every"),
    [
        ([(2, 9)], 5),
        ([(0, 4)], 3),
        ([(1, 10)], None),  # not validated yet
        ([(1, 0), (2, 0), (3, 0)], None),
    ],
)
def test_a_training_interrupted_after_a_step_or_an_epoch_ends_as_an_uninterrupted_one(
    prepared: Path,
    uninterrupted: dict[str, Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    places: list[tuple[int, int]],
    every: int | None,
) -> None:
    state = tmp_path / "state"
    for place in places:
        with watch_training(cut_at(place)), pytest.raises(PowerCut):
            train(prepared, tmp_path / "cut", state, every)
    with caplog.at_level(logging.INFO, "tasks"):
        assert train(prepared, tmp_path / "resumed", state, every) == uninterrupted
    epochs, steps = places[-1]
    step = f", step {steps // every * every}" if every else ""
    assert f"resuming after epoch {epochs}{step} of" in caplog.text


def test_a_saved_training_begins_afresh_beside_another_and_is_over_when_it_has_ended(
    prepared: Path,
    uninterrupted: dict[str, Any],
    killed: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shutil.copytree(killed, tmp_path / "states/another")
    state = tmp_path / "states/own"
    with caplog.at_level(logging.INFO, "tasks"):
        assert train(prepared, tmp_path / "a", state, every=5) == uninterrupted
    assert "an interrupted training has another config; this one starts afresh" in caplog.text
    # Saving after the last step of an epoch waits for its validation.
    last = uninterrupted["epochs_run"]
    names = [f"epoch-{last - 1:05d}-step-0000005", f"epoch-{last:05d}"]
    assert sorted(path.name for path in state.iterdir()) == names

    told = list[TrainingProgress]()
    with watch_training(told.append):
        assert train(prepared, tmp_path / "b", state) == uninterrupted
    assert [(each.finished, each.epochs_done) for each in told] == [(True, last)]
    shutil.rmtree(state)
    assert not state.exists()


def test_a_damaged_generation_is_passed_over_for_the_one_before(
    prepared: Path, killed: Path, tmp_path: Path
) -> None:
    import keras

    state = shutil.copytree(killed, tmp_path / "state")
    before, newest = sorted(state.glob("epoch-*"))
    with np.load(before / "variables.npz") as arrays:
        expected = arrays["arr_0"]
    network = keras.models.load_model(prepared / "initial_model.keras", compile=False)
    model = trained_form(network, "fast", FIT)
    for file in ("variables.npz", "best_model.keras", "state.json"):
        content = (newest / file).read_bytes()
        (newest / file).write_bytes(content[:-5])
        (state / ".writing-half").mkdir()
        restored = restore_state(state, model, tmp_path / "best_model.keras")
        assert (restored.epochs_done, restored.begun) == (4, None)
        assert (model.variables[0].numpy() == expected).all()
        assert not (state / ".writing-half").exists()
        (newest / file).write_bytes(content)
    restored = restore_state(state, model, tmp_path / "best_model.keras")
    assert restored.begun is not None
    assert restored.begun.steps_done == SAVED_EVERY
    assert not (model.variables[0].numpy() == expected).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reviews", "how"), [(400, signal.SIGKILL), (400, signal.SIGTERM), (25_000, signal.SIGKILL)]
)
def test_a_run_killed_in_its_third_epoch_goes_on_to_the_same_weights(
    tmp_path: Path, reviews: int, how: signal.Signals, record_property: Note
) -> None:
    record_property("fault", f"{how.name} in epoch 3 of 5, {reviews:,} real reviews")
    options = [*from_file(write_real_reviews(tmp_path / "reviews.csv", reviews)), *FIVE_EPOCHS]
    if reviews == 400:
        options += ["--num-words=2000", "--maxlen=60", "--embedding-dim=16", "--batch-size=1"]
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    for path in (whole, folder):
        path.mkdir()
    weights, history, _ = finish(start_terminal_run(whole, *options), whole)

    process = start_terminal_run(folder, *options)
    wait_for_line(folder, process, "epoch 2/5")
    time.sleep(0.3)
    kill_run(process, how)
    assert list((folder / "artifacts/runs").iterdir()) == []
    *resumed, log = finish(start_terminal_run(folder, *options), folder)
    assert resumed == [weights, history]
    assert re.search(r"resuming after epoch [2-4] of", log)  # an epoch takes a second or less
    assert "epoch 2/5" not in log
    assert list((folder / "artifacts/cache/training").iterdir()) == []
