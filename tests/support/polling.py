"""Wait for what a server does in its own time."""

import time
from collections.abc import Callable
from typing import Any

_LIMIT_S = 120

_POLL_S = 0.5


def wait_for(what: Callable[[], Any], limit_s: float = _LIMIT_S) -> Any:
    """Return the first true value of `what`; fail when there is none for `limit_s` seconds."""
    deadline = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < deadline, f"nothing for {limit_s} s"
        time.sleep(_POLL_S)
    return found
