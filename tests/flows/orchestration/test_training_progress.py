import contextvars
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from flows.display.training_pace import Pace, describe
from flows.orchestration import training_progress as module
from flows.orchestration.training_progress import LatestSender, show_progress
from tasks.run_summary import RunSummary
from tasks.training.progress import TrainingProgress
from tests.support.small_run import train_bag
from tests.support.start_run import ngram_config, start_run

LIMIT_S = 20

FIGURES = {"val_loss": 0.31234, "val_accuracy": 0.88, "loss": 0.2, "accuracy": 0.9}


def progress(epochs_done: int, step: int, *, finished: bool = False) -> TrainingProgress:
    """Return a place in a training of at most 20 epochs of 10 steps."""
    figures = FIGURES if epochs_done else {}
    return TrainingProgress(epochs_done, 20, step, 10, figures, finished)


@pytest.mark.parametrize(
    ("place", "seconds_left", "percent", "description"),
    [
        (progress(0, 0), None, 0.0, "epoch 1 of at most 20"),
        (progress(0, 5), 3.2, 2.5, "epoch 1 of at most 20, at most 4 s left"),
        (
            progress(1, 1),
            320.0,
            5.5,
            "epoch 2 of at most 20, at most 6 min left, val_loss 0.3123 and val_accuracy 0.8800"
            " after epoch 1",
        ),
        (
            progress(2, 0),
            9000.0,
            10.0,
            "2 of at most 20 epochs done, at most 2.5 h left, val_loss 0.3123 and val_accuracy"
            " 0.8800 after epoch 2",
        ),
        (
            progress(3, 0, finished=True),
            99.0,
            100.0,
            "finished after 3 of at most 20 epochs, val_loss 0.3123 and val_accuracy 0.8800 after"
            " epoch 3",
        ),
    ],
)
def test_the_bar_says_where_the_training_is_and_how_long_it_may_last(
    place: TrainingProgress, seconds_left: float | None, percent: float, description: str
) -> None:
    assert describe(place, seconds_left) == (percent, description)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the time that the pace sees."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, seconds)


def test_the_time_left_is_that_of_all_steps_but_the_first(clock: Callable[[float], None]) -> None:
    pace = Pace()
    seen = []
    for step, seconds in [(0, 0.0), (1, 50.0), (2, 51.0), (3, 54.0)]:
        clock(seconds)
        seen.append(pace.seconds_left(progress(0, step)))
    # 198 steps of 1 s are left after two, 197 of 2 s on average after three.
    assert seen == [None, None, 198.0, 394.0]


def test_steps_before_an_interruption_do_not_tell_the_pace(clock: Callable[[float], None]) -> None:
    pace = Pace()
    seen = []
    for step, seconds in [(4, 0.0), (5, 50.0), (6, 51.0)]:
        clock(seconds)
        seen.append(pace.seconds_left(progress(18, step)))
    assert seen == [None, None, 14.0]


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that takes every connection and never answers; yield its address as Prefect's."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/api"


def sending_threads() -> list[threading.Thread]:
    """Return the threads that send progress."""
    return [thread for thread in threading.enumerate() if "progress" in thread.name]


def time_training(prepared: Path, folder: Path) -> float:
    """Train a small network and return the seconds that it took."""
    started = time.monotonic()
    train_bag(prepared, folder, ngram_config(prepared, epochs=3).fit)
    return time.monotonic() - started


@pytest.mark.filterwarnings("ignore:Artifact creation outside:FutureWarning")
def test_a_server_that_never_answers_does_not_slow_the_training(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, waited = module._Watcher.__call__, []

    def timed(self: Any, place: TrainingProgress) -> None:
        started = time.perf_counter()
        real(self, place)
        waited.append(time.perf_counter() - started)

    monkeypatch.setattr(module._Watcher, "__call__", timed)
    alone = time_training(prepared, tmp_path / "alone")
    with silent_server() as url:
        settings = {
            PREFECT_API_URL: url,
            PREFECT_API_REQUEST_TIMEOUT: 600,
            PREFECT_CLIENT_MAX_RETRIES: 0,
        }
        with temporary_settings(settings):
            started = time.monotonic()
            with show_progress():
                beside = time_training(prepared, tmp_path / "beside")
            whole = time.monotonic() - started
    for thread in sending_threads():
        thread.join(60)
    assert len(waited) > 30
    # One request would last ten minutes. The machine may be busy with other work.
    assert sum(waited) < 0.5
    assert beside < alone + 60
    assert whole < beside + module._PATIENCE_S + 2


@pytest.mark.filterwarnings("ignore:Artifact creation outside:FutureWarning")
def test_a_dead_server_is_reported_once_and_the_training_continues(
    prepared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with silent_server() as url:
        pass
    settings = {PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(settings), caplog.at_level("WARNING", "flows"), show_progress():
        time_training(prepared, tmp_path / "a")
    (line,) = [text for text in caplog.messages if "progress" in text]
    assert line == "the progress of the training cannot be shown for now (ConnectError)"


def test_a_cached_training_shows_no_progress_and_starts_no_thread(
    done: RunSummary, small_reviews: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put: list[object] = []
    monkeypatch.setattr(module.LatestSender, "put", lambda _, value, **__: put.append(value))
    start_run(done.folder.parent.parent, small_reviews)
    assert put == []
    assert sending_threads() == []


class Recorder:
    """Notes what is sent; the first sendings wait until they are let go, or fail."""

    def __init__(self, *, failures: int = 0, waits: bool = False) -> None:
        """Take how many of the first sendings fail, and whether they wait."""
        self.sent: list[int] = []
        self.begun, self.let_go = threading.Event(), threading.Event()
        self._failures = failures
        if not waits:
            self.let_go.set()

    def send(self, value: int) -> None:
        self.begun.set()
        assert self.let_go.wait(LIMIT_S)
        if self._failures:
            self._failures -= 1
            raise ConnectionError("no server")
        self.sent.append(value)


def wait_until_sent(recorder: Recorder, value: int) -> None:
    deadline = time.monotonic() + LIMIT_S
    while value not in recorder.sent:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_values_that_come_while_one_is_sent_are_left_out_but_for_the_newest() -> None:
    recorder = Recorder(waits=True)
    sender = LatestSender(recorder.send, 0.01, "it")
    sender.put(1)
    assert recorder.begun.wait(LIMIT_S)
    for value in (2, 3, 4):
        sender.put(value)
    recorder.let_go.set()
    sender.close(LIMIT_S)
    assert recorder.sent == [1, 4]


def test_an_urgent_value_does_not_wait_for_its_time() -> None:
    recorder = Recorder()
    sender = LatestSender(recorder.send, 600, "it")
    sender.put(1)
    wait_until_sent(recorder, 1)
    sender.put(2)
    sender.put(3, at_once=True)
    wait_until_sent(recorder, 3)
    sender.close(LIMIT_S)
    assert recorder.sent == [1, 3]


def test_values_are_sent_again_and_again_and_each_once() -> None:
    recorder = Recorder()
    sender = LatestSender(recorder.send, 0.01, "it")
    for value in (1, 2, 3):
        sender.put(value)
        wait_until_sent(recorder, value)
        time.sleep(0.05)
    sender.close(LIMIT_S)
    assert recorder.sent == [1, 2, 3]


def test_failures_are_dropped_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(failures=2)
    sender = LatestSender(recorder.send, 0.01, "the progress")
    with caplog.at_level(logging.DEBUG, "flows"):
        deadline = time.monotonic() + LIMIT_S
        value = 0
        while not recorder.sent:
            assert time.monotonic() < deadline
            value += 1
            sender.put(value)
            time.sleep(0.02)
        sender.close(LIMIT_S)
    (line,) = caplog.messages
    assert line == "the progress cannot be shown for now (ConnectionError)"


def test_the_sending_thread_sees_the_context_of_whoever_puts() -> None:
    place = contextvars.ContextVar("place", default="nowhere")
    seen: list[str] = []
    sender: LatestSender[int] = LatestSender(lambda _: seen.append(place.get()), 600, "it")
    place.set("here")
    sender.put(1)
    sender.close(LIMIT_S)
    assert seen == ["here"]
