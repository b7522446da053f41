"""Wall and CPU time of this process."""

import time

Moment = tuple[float, float]


def now() -> Moment:
    """Return wall and CPU time of this process in seconds."""
    return time.perf_counter(), time.process_time()


def time_between(begin: Moment, end: Moment) -> dict[str, float]:
    """Return the seconds and CPU seconds from one moment to another."""
    return {"seconds": end[0] - begin[0], "cpu_seconds": end[1] - begin[1]}
