"""An interrupted training resumes to the very weights of an uninterrupted one."""

import logging
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config.training import FitConfig
from tasks.training.checkpoint import restore_state
from tasks.training.plan import forget_state
from tasks.training.step import trained_form
from tests.support.real_reviews import write_real_reviews
from tests.support.servers.real_server import prefect_server_process
from tests.support.small_run import train_small
from tests.support.terminal_run import (
    FIVE_EPOCHS,
    finish,
    from_file,
    kill_run,
    start_terminal_run,
    wait_for_line,
)

# Reduces its rate and improves now and then, so that every callback has a state to lose. The
# buffer holds less than the training set, so that an epoch may be interrupted in any part of it.
FIT = FitConfig(
    epochs=6,
    batch_size=16,
    learning_rate=0.05,
    stop_patience=3,
    reduce_patience=1,
    seed=3,
    shuffle_buffer=100,
)


def train(
    prepared: Path, folder: Path, state: Path | None = None, every: int | None = None
) -> dict[str, Any]:
    return train_small(prepared, folder, FIT, state=state, save_every_steps=every)


@pytest.fixture(scope="module")
def uninterrupted(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return train(prepared, tmp_path_factory.mktemp("whole") / "a")


class PowerCut(BaseException):
    """Ends a training wherever it is."""


def interrupt(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int, where: str
) -> Path:
    """Train until `where` of `epoch` (from 1 on) and return the folder of the state."""
    from tasks.training.callbacks import TrainingFollower

    state, original = tmp_path / "state", getattr(TrainingFollower, where)

    def cut(self: Any, number: int, logs: Any = None) -> None:
        if number + 1 == epoch:
            raise PowerCut
        original(self, number, logs)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingFollower, where, cut)
        with pytest.raises(PowerCut):
            train(prepared, tmp_path / f"cut-{epoch}", state)
    return state


def test_saving_states_does_not_change_the_training(
    prepared: Path, uninterrupted: dict[str, Any], tmp_path: Path
) -> None:
    assert train(prepared, tmp_path / "a", tmp_path / "state") == uninterrupted
    generations = sorted(path.name for path in (tmp_path / "state").iterdir())
    last = uninterrupted["epochs_run"]
    assert generations == [f"epoch-{last - 1:05d}", f"epoch-{last:05d}"]


@pytest.mark.parametrize(("epoch", "where"), [(2, "on_epoch_end"), (5, "on_epoch_begin")])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(
    prepared: Path,
    uninterrupted: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    epoch: int,
    where: str,
) -> None:
    state = interrupt(prepared, tmp_path, monkeypatch, epoch, where)
    assert train(prepared, tmp_path / "resumed", state) == uninterrupted


def interrupt_inside(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int, step: int
) -> Path:
    """Train until after a step, save every three, and return the folder of the state."""
    from tasks.training.callbacks import TrainingFollower

    state, original = tmp_path / "state", TrainingFollower.on_train_batch_end

    def cut(self: Any, batch: int, logs: Any = None) -> None:
        original(self, batch, logs)
        if self.state.epochs_done + 1 == epoch and batch + 1 == step:
            raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(TrainingFollower, "on_train_batch_end", cut)
        with pytest.raises(PowerCut):
            train(prepared, tmp_path / "cut", state, every=3)
    return state


@pytest.mark.parametrize(("epoch", "step"), [pytest.param(1, 4, marks=pytest.mark.slow), (3, 9)])
def test_a_training_that_is_saved_every_few_steps_goes_on_inside_an_epoch(
    prepared: Path,
    uninterrupted: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    epoch: int,
    step: int,
) -> None:
    state = interrupt_inside(prepared, tmp_path, monkeypatch, epoch, step)
    with caplog.at_level(logging.INFO, "tasks"):
        assert train(prepared, tmp_path / "resumed", state, every=3) == uninterrupted
    assert f"resuming after epoch {epoch - 1}, step {step // 3 * 3} of" in caplog.text


def test_saving_after_the_last_step_of_an_epoch_waits_for_its_validation(
    prepared: Path, uninterrupted: dict[str, Any], tmp_path: Path
) -> None:
    assert train(prepared, tmp_path / "a", tmp_path / "state", every=1) == uninterrupted
    whole, _, step = max((tmp_path / "state").iterdir()).name.partition("-step-")
    assert (whole, step) == (f"epoch-{uninterrupted['epochs_run']:05d}", "")


@pytest.mark.slow
def test_a_training_that_is_interrupted_again_and_again_ends_as_an_uninterrupted_one(
    prepared: Path, uninterrupted: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for epoch in (2, 3, 4):
        state = interrupt(prepared, tmp_path, monkeypatch, epoch, "on_epoch_begin")
    assert train(prepared, tmp_path / "resumed", state) == uninterrupted


def test_a_damaged_generation_is_passed_over_for_the_one_before(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    state = interrupt(prepared, tmp_path, monkeypatch, 4, "on_epoch_begin")
    before, newest = sorted(state.iterdir())
    with np.load(before / "variables.npz") as arrays:
        expected = arrays["arr_0"]
    network = keras.models.load_model(prepared / "initial_model.keras", compile=False)
    model = trained_form(network, "fast", FIT)
    for file in ("variables.npz", "best_model.keras", "state.json"):
        content = (newest / file).read_bytes()
        (newest / file).write_bytes(content[:-5])
        (state / ".writing-half").mkdir()
        restored = restore_state(state, model, tmp_path / "best_model.keras")
        assert restored.epochs_done == 2
        assert (model.variables[0].numpy() == expected).all()
        assert not (state / ".writing-half").exists()
        (newest / file).write_bytes(content)
    assert restore_state(state, model, tmp_path / "best_model.keras").epochs_done == 3
    assert not (model.variables[0].numpy() == expected).all()


def test_another_config_starts_afresh_and_says_so(
    prepared: Path,
    uninterrupted: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    state = interrupt(prepared, tmp_path, monkeypatch, 2, "on_epoch_begin")
    other_key = state.with_name("other")
    with caplog.at_level(logging.INFO, "tasks"):
        assert train(prepared, tmp_path / "afresh", other_key) == uninterrupted
    assert "an interrupted training has another config; this one starts afresh" in caplog.text


def test_a_training_that_was_over_is_not_gone_on_with(
    prepared: Path, uninterrupted: dict[str, Any], tmp_path: Path
) -> None:
    train(prepared, tmp_path / "a", tmp_path / "state")
    started = time.monotonic()
    assert train(prepared, tmp_path / "b", tmp_path / "state") == uninterrupted
    assert time.monotonic() - started < 60
    forget_state(tmp_path / "state")
    assert not (tmp_path / "state").exists()


Undisturbed = tuple[dict[str, Any], bytes]

Killable = tuple[list[str], Undisturbed, str]


@pytest.fixture(scope="module")
def on_real_reviews(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killable]:
    """Options of a run on four hundred real reviews, what it gives undisturbed, and a server."""
    folder = tmp_path_factory.mktemp("real")
    reviews = write_real_reviews(folder / "reviews.csv", 400)
    network = ["--num-words=2000", "--maxlen=60", "--embedding-dim=16", "--filters=16"]
    options = [*from_file(reviews), *network, *FIVE_EPOCHS, "--batch-size=8"]
    with prefect_server_process(folder) as (url, _):
        run = start_terminal_run(folder, *options, PREFECT_API_URL=url)
        weights, history, _ = finish(run, folder)
        yield options, (weights, history), url


def require_exact_resume(
    folder: Path, options: list[str], undisturbed: Undisturbed, how: signal.Signals, **server: Any
) -> None:
    """Kill a run in its third epoch, start it again, and compare it with an undisturbed one."""
    process = start_terminal_run(folder, *options, **server)
    wait_for_line(folder, process, "epoch 2/5")
    time.sleep(0.3)
    kill_run(process, how)
    assert list((folder / "artifacts/runs").iterdir()) == []

    weights, history, log = finish(start_terminal_run(folder, *options, **server), folder)
    assert (weights, history) == undisturbed
    assert "resuming after epoch 2 of" in log
    assert "epoch 2/5" not in log
    assert list((folder / "artifacts/cache/training").iterdir()) == []


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_run_killed_in_its_third_epoch_goes_on_to_the_same_weights(
    on_real_reviews: Killable,
    tmp_path: Path,
    how: signal.Signals,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("fault", f"{how.name} in epoch 3 of 5, 400 real reviews")
    options, undisturbed, url = on_real_reviews
    require_exact_resume(tmp_path, options, undisturbed, how, PREFECT_API_URL=url)


@pytest.mark.slow
def test_a_run_on_all_reviews_killed_in_its_third_epoch_goes_on_to_the_same_weights(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("fault", "SIGKILL in epoch 3 of 5, all 25,000 reviews")
    options = ["--source=packaged", *FIVE_EPOCHS]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    weights, history, _ = finish(start_terminal_run(whole, *options), whole)
    require_exact_resume(killed, options, (weights, history), signal.SIGKILL)
