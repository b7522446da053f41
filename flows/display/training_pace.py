"""How far a training is, in words, and how much longer it takes."""

import math
import time

from tasks.training.progress import TrainingProgress

_MINUTE_S, _HOUR_S = 60, 3600


class Pace:
    """Tells how much longer a training takes, from how long its steps have taken."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._first: int | None = None
        self._since: tuple[int, float] | None = None

    def seconds_left(self, progress: TrainingProgress) -> float | None:
        """Return the seconds until the last epoch ends, None before two steps were seen.

        The first step is left out, since it compiles. An early stop comes sooner.
        """
        done, now = _steps_done(progress), time.monotonic()
        if self._first is None:
            self._first = done
        if self._since is None:
            self._since = (done, now) if done > self._first else None
            return None
        steps, seconds = done - self._since[0], now - self._since[1]
        left = progress.most_epochs * progress.steps - done
        return seconds / steps * left if steps > 0 else None


def _steps_done(progress: TrainingProgress) -> int:
    return progress.epochs_done * progress.steps + progress.step


def describe(progress: TrainingProgress, seconds_left: float | None) -> tuple[float, str]:
    """Return the percentage and the text of the progress bar of a training."""
    parts = [_where(progress)]
    if seconds_left is not None and not progress.finished:
        parts.append(f"at most {duration(seconds_left)} left")
    if progress.metrics:
        loss, accuracy = (progress.metrics[name] for name in ("val_loss", "val_accuracy"))
        judged = f"val_loss {loss:.4f} and val_accuracy {accuracy:.4f}"
        parts.append(f"{judged} after epoch {progress.epochs_done}")
    return percent(progress), ", ".join(parts)


def _where(progress: TrainingProgress) -> str:
    done, most = progress.epochs_done, progress.most_epochs
    if progress.finished:
        return f"finished after {done} of at most {most} epochs"
    if done and not progress.step:
        return f"{done} of at most {most} epochs done"
    return f"epoch {done + 1} of at most {most}"


def percent(progress: TrainingProgress) -> float:
    """Return how much of a training is done if no early stop ends it."""
    if progress.finished:
        return 100.0
    steps = progress.most_epochs * progress.steps
    return round(100 * _steps_done(progress) / steps, 1)


def duration(seconds: float) -> str:
    """Return a time, rounded up, in the unit that fits it."""
    if seconds < _MINUTE_S:
        return f"{math.ceil(seconds)} s"
    if seconds < _HOUR_S:
        return f"{math.ceil(seconds / _MINUTE_S)} min"
    return f"{seconds / _HOUR_S:.1f} h"
