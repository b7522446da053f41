"""An interrupted training goes on to the very weights of an uninterrupted one."""

import contextlib
import json
import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tasks.train_model import train_model
from tasks.training_config import FitConfig
from tasks.training_state import forget_state
from tests.small_run import write_reviews
from tests.terminal_run import finish, start_terminal_run, wait_for_line

_LIMIT_S = 240
# Reduces its rate and improves now and then, so that every callback has a state to lose.
FIT = FitConfig(
    epochs=6, batch_size=16, learning_rate=0.05, stop_patience=3, reduce_patience=1, seed=3
)


def train(
    prepared: Path, folder: Path, state: Path | None = None, every: int | None = None
) -> dict[str, Any]:
    folder.mkdir()
    sets = (prepared / "train.parquet", prepared / "validation.parquet")
    facts = train_model(prepared / "initial_model.keras", *sets, FIT, folder, state, every)
    return facts | {"history": json.loads((folder / "history.json").read_text())}


@pytest.fixture(scope="module")
def uninterrupted(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return train(prepared, tmp_path_factory.mktemp("whole") / "a")


class PowerCut(BaseException):
    """Ends a training wherever it is."""


def interrupt(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int, where: str
) -> Path:
    """Train until `where` of `epoch` (from 1 on) and return the folder of the state."""
    from tasks import training_callbacks as callbacks

    state = tmp_path / "state"

    def cut(self: Any, number: int, logs: Any = None) -> None:
        if number + 1 == epoch:
            raise PowerCut
        original(self, number, logs)

    target = callbacks.EpochSeeds if where == "on_epoch_begin" else callbacks.KeepState
    original = getattr(target, where)
    with monkeypatch.context() as patch:
        patch.setattr(target, where, cut)
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


@pytest.mark.parametrize("epoch", [2, 5])
@pytest.mark.parametrize("where", ["on_epoch_begin", "on_epoch_end"])
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


@pytest.mark.parametrize(("epoch", "step"), [(1, 4), (3, 9)])
def test_a_training_that_is_saved_every_few_steps_goes_on_inside_an_epoch(
    prepared: Path,
    uninterrupted: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    epoch: int,
    step: int,
) -> None:
    from tasks.training_callbacks import KeepState

    state, original = tmp_path / "state", KeepState.on_train_batch_end

    def cut(self: Any, batch: int, logs: Any = None) -> None:
        original(self, batch, logs)
        if self.state.epochs_done + 1 == epoch and batch + 1 == step:
            raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(KeepState, "on_train_batch_end", cut)
        with pytest.raises(PowerCut):
            train(prepared, tmp_path / "cut", state, every=3)
    with caplog.at_level(logging.INFO, "tasks"):
        assert train(prepared, tmp_path / "resumed", state, every=3) == uninterrupted
    assert f"going on after epoch {epoch - 1}, step {step // 3 * 3} of" in caplog.text


def test_saving_after_the_last_step_of_an_epoch_waits_for_its_validation(
    prepared: Path, uninterrupted: dict[str, Any], tmp_path: Path
) -> None:
    assert train(prepared, tmp_path / "a", tmp_path / "state", every=1) == uninterrupted
    whole, _, step = max((tmp_path / "state").iterdir()).name.partition("-step-")
    assert (whole, step) == (f"epoch-{uninterrupted['epochs_run']:05d}", "")


def test_a_training_that_is_interrupted_again_and_again_ends_as_an_uninterrupted_one(
    prepared: Path, uninterrupted: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for epoch in (2, 3, 4):
        state = interrupt(prepared, tmp_path, monkeypatch, epoch, "on_epoch_begin")
    assert train(prepared, tmp_path / "resumed", state) == uninterrupted


@pytest.mark.parametrize("file", ["variables.npz", "best_model.keras", "state.json"])
def test_a_damaged_generation_is_passed_over_for_the_one_before(
    prepared: Path,
    uninterrupted: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
) -> None:
    state = interrupt(prepared, tmp_path, monkeypatch, 4, "on_epoch_begin")
    damaged = state / "epoch-00003" / file
    damaged.write_bytes(damaged.read_bytes()[:-5])
    (state / ".writing-half").mkdir()
    assert train(prepared, tmp_path / "resumed", state) == uninterrupted
    assert not (state / ".writing-half").exists()


def test_a_training_that_was_over_is_not_gone_on_with(
    prepared: Path, uninterrupted: dict[str, Any], tmp_path: Path
) -> None:
    train(prepared, tmp_path / "a", tmp_path / "state")
    started = time.monotonic()
    assert train(prepared, tmp_path / "b", tmp_path / "state") == uninterrupted
    assert time.monotonic() - started < 60
    forget_state(tmp_path / "state")
    assert not (tmp_path / "state").exists()


@pytest.fixture(scope="module")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reviews(tmp_path_factory.mktemp("many") / "reviews.csv", 2000)


@pytest.fixture(scope="module")
def whole_run(
    reviews: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], bytes]:
    """Weights hashes and history of a run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole-run")
    weights, history, _ = finish(start_terminal_run(folder, reviews, folder / "home"), folder)
    return weights, history


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_killed_in_its_third_epoch_goes_on_to_the_same_weights(
    reviews: Path, whole_run: tuple[dict[str, Any], bytes], tmp_path: Path, how: signal.Signals
) -> None:
    process = start_terminal_run(tmp_path, reviews, tmp_path / "home")
    wait_for_line(tmp_path, process, "epoch 2/5")
    time.sleep(0.3)
    process.send_signal(how)
    assert process.wait(_LIMIT_S) != 0
    # After kill -9 the temporary Prefect server is left behind.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    assert list((tmp_path / "artifacts/runs").iterdir()) == []

    weights, history, log = finish(
        start_terminal_run(tmp_path, reviews, tmp_path / "home"), tmp_path
    )
    assert (weights, history) == whole_run
    assert "going on after epoch" in log
    assert "epoch 2/5" not in log
    assert list((tmp_path / "artifacts/cache/training").iterdir()) == []
