import contextvars
import logging
import threading
import time

import pytest

from flows.orchestration.training_progress import LatestSender

LIMIT_S = 20


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
