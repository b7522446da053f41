"""What follows a training: Keras callbacks as the tutorial has them, and the project's own."""

import logging
import math
import time
from pathlib import Path

import keras

from tasks.common.errors import DivergedError
from tasks.common.process_memory import give_back_memory
from tasks.common.seeds import generator
from tasks.config.training import FitConfig
from tasks.model.keras_contracts import callback_states, restore_callbacks, seed_states
from tasks.training.checkpoint import begun_epoch, resume_epoch, save_state
from tasks.training.optimizer import rate_at
from tasks.training.plan import TrainingPlan, TrainingState
from tasks.training.progress import tell_progress

_LOG = logging.getLogger(__name__)

Logs = dict[str, float]


def judging_callbacks(fit: FitConfig, best_model: Path) -> list[keras.callbacks.Callback]:
    """Return fresh callbacks that stop, lower the rate and keep the best model, on `val_loss`.

    The rate is theirs only where the schedule is that of the tutorial. See
    https://keras.io/api/callbacks/
    """
    lowers_rate = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss", factor=fit.reduce_factor, patience=fit.reduce_patience
    )
    return [
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=fit.stop_patience),
        *([lowers_rate] if fit.schedule == "plateau" else []),
        keras.callbacks.ModelCheckpoint(best_model, monitor="val_loss", save_best_only=True),
    ]


class RateSchedule(keras.callbacks.Callback):
    """Set the rate of each step; what it sets depends on the step alone, so it has no state."""

    def __init__(self, fit: FitConfig, steps: int, first_step: int) -> None:
        """Take the steps of an epoch, and the one within the first epoch to begin from."""
        super().__init__()
        self._fit, self._steps, self._first = fit, steps, first_step
        self._begun = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Take note of the epoch."""
        self._begun = epoch * self._steps

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Set the rate."""
        rate = rate_at(self._fit, self._begun + self._first + batch, self._steps)
        if rate is not None:
            self.model.optimizer.learning_rate = rate

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Log the rate that the epoch ended with; the next one begins with its first step."""
        self._first = 0
        if logs is not None:
            logs.setdefault("learning_rate", float(self.model.optimizer.learning_rate.numpy()))


class TrainingFollower(keras.callbacks.Callback):
    """Begin from a state of the training, follow it, save it, and report how far it is.

    Stands after the callbacks that judge an epoch: they have reset themselves when it restores
    them, and have judged the epoch when it saves them. `state` is first the one to begin from, then
    that after each whole epoch.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        state: TrainingState,
        steps: int,
        judges: list[keras.callbacks.Callback],
    ) -> None:
        """Take the state to begin from, whose arrays the model has, and the steps of an epoch."""
        super().__init__()
        self.state = state
        self._plan, self._steps, self._judges = plan, steps, judges
        self._memory_given_back = False
        self._epoch_began = 0.0

    def on_train_begin(self, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Put the callbacks where they were."""
        if self.state.callbacks:
            restore_callbacks(self._judges, self.state.callbacks)
        self._tell(0)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Seed every random layer again from (seed, layer, epoch); resume inside a begun epoch.

        An epoch thereby does not depend on how many steps ran before it in this process.
        """
        self._epoch_began = time.monotonic()
        for number, state in enumerate(seed_states(self.model)):
            random = generator(self._plan.fit.seed, f"random layer {number}", epoch)
            state.assign(random.integers(0, 2**31, size=state.shape))
        if self.state.begun:
            resume_epoch(self.model, self.state.begun)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save the begun epoch when it is time."""
        steps, every = self.state.steps_done + batch + 1, self._plan.save_every_steps
        if every and steps % every == 0 and steps < self._steps:
            self._save(self.state.model_copy(update={"begun": begun_epoch(self.model, steps)}))
        if not self._memory_given_back:  # what tracing and compiling have left
            self._memory_given_back = True
            give_back_memory()
        self._tell(batch + 1, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Take note of the epoch, save it, and log one plain line."""
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        _require_numbers(epoch, metrics)
        history = self.state.history
        self.state = TrainingState(
            epochs_done=epoch + 1,
            finished=bool(self.model.stop_training),
            history={name: [*history.get(name, []), value] for name, value in metrics.items()},
            callbacks=callback_states(self._judges),
        )
        self._save(self.state)
        seconds = time.monotonic() - self._epoch_began
        shown = (epoch + 1, self._plan.fit.epochs, _described(metrics), seconds)
        _LOG.info("epoch %d/%d: %s, %.1f s", *shown)
        self._tell(0)

    def _save(self, state: TrainingState) -> None:
        if self._plan.state is not None:
            save_state(self._plan.state, self.model, self._plan.best_model, state)

    def _tell(self, steps_since: int, running: Logs | None = None) -> None:
        steps = self.state.steps_done + steps_since
        tell_progress(self.state, self._plan.fit.epochs, steps, self._steps, running=running)


def _described(metrics: Logs) -> str:
    """Return each metric with that of the validation reviews; the learning rate stands alone."""
    parts = []
    for name, value in sorted(metrics.items(), key=lambda one: one[0] != "loss"):
        if name == "learning_rate":
            parts.append(f"rate {value:.2g}")
        elif not name.startswith("val_"):
            judged = metrics.get(f"val_{name}", math.nan)
            parts.append(f"{name} {value:.4f} (validation {judged:.4f})")
    return ", ".join(parts)


def _require_numbers(epoch: int, metrics: Logs) -> None:
    """Raise a DivergedError where a metric is not a number."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise DivergedError(
                f"{name} is {value} in epoch {epoch + 1}, at a learning rate of"
                f" {metrics['learning_rate']:g}; set a smaller learning_rate"
            )
