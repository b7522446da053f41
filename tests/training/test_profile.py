from types import SimpleNamespace

import pytest

from tasks.training.profile import _own_times

NAMES = ["Outer::Run", "adam/inner:_Mkl", "StatefulPartitionedCall/last"]


def thread(*events: tuple[int, int, int]) -> SimpleNamespace:
    """Events of one thread: what, when it began and how long it took, in milliseconds."""
    made = [
        SimpleNamespace(metadata_id=what, offset_ps=begin * 10**9, duration_ps=ms * 10**9)
        for what, begin, ms in events
    ]
    return SimpleNamespace(events=made)


def test_an_operation_has_the_time_that_no_other_one_has_inside_it() -> None:
    plane = SimpleNamespace(event_metadata=[SimpleNamespace(name=name) for name in NAMES])
    own = _own_times(plane, thread((0, 0, 10), (1, 2, 3), (2, 3, 1), (1, 6, 4), (2, 10, 5)))
    assert own == pytest.approx({"Outer::Run": 3, "adam/inner": 6, "last": 6})
