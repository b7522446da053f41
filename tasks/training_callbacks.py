"""What follows a training: Keras callbacks as the tutorial has them, and the project's own."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

from tasks.errors import DivergedError
from tasks.process_memory import give_back_memory
from tasks.seeds import generator
from tasks.training_progress import tell_progress
from tasks.training_state import (
    TrainingState,
    begun_epoch,
    callback_states,
    restore_callbacks,
    resume_epoch,
    save_state,
    seed_states,
)

if TYPE_CHECKING:
    from pathlib import Path

    import keras

    from tasks.training_config import FitConfig

_LOG = logging.getLogger(__name__)

Logs = dict[str, float]

_HOOKS = ("on_train_begin", "on_epoch_begin", "on_train_batch_end", "on_epoch_end")


def as_callback(follower: object) -> keras.callbacks.Callback:
    """Return a Keras callback of those of Keras's hooks that the follower has."""
    import keras

    hooks = {name: getattr(follower, name) for name in _HOOKS if hasattr(follower, name)}
    return keras.callbacks.LambdaCallback(**hooks)


def tutorial_callbacks(fit: FitConfig, best_model: Path) -> list[keras.callbacks.Callback]:
    """Return fresh callbacks that stop, lower the rate and keep the best model, on `val_loss`.

    See https://keras.io/api/callbacks/
    """
    import keras

    return [
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=fit.stop_patience),
        keras.callbacks.ReduceLROnPlateau(
            monitor="val_loss", factor=fit.reduce_factor, patience=fit.reduce_patience
        ),
        keras.callbacks.ModelCheckpoint(best_model, monitor="val_loss", save_best_only=True),
    ]


class EpochSeeds:
    """Seed every random layer anew from (seed, layer, epoch) as an epoch begins.

    An epoch thereby does not depend on how many steps ran before it in this process.
    """

    def __init__(self, model: keras.Model, seed: int) -> None:
        """Take what is trained, and the run's seed."""
        self._model, self._seed = model, seed

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Assign the two integers of each layer's seed state."""
        for number, state in enumerate(seed_states(self._model)):
            random = generator(self._seed, f"random layer {number}", epoch)
            state.assign(random.integers(0, 2**31, size=state.shape))


class KeepState:
    """Begin from a state of the training, follow it, and save it after each epoch or oftener.

    Stands after the callbacks that it saves: they have reset themselves when it restores
    them, and have judged the epoch when it saves them.
    """

    def __init__(
        self,
        model: keras.Model,
        state: TrainingState,
        steps: int,
        judges: list[keras.callbacks.Callback],
        best_model: Path,
        folder: Path | None,
        every: int | None,
    ) -> None:
        """Take the state to begin from, whose arrays the model has, and where to save.

        Args:
            model: What is trained.
            state: Where the training is.
            steps: Steps of a whole epoch.
            judges: The callbacks to restore and save.
            best_model: File of the best model so far.
            folder: Where to save; None saves nothing.
            every: Steps between two savings inside an epoch; None saves whole epochs only.
        """
        self.state = state
        self._model, self._steps, self._judges = model, steps, judges
        self._best_model, self._folder, self._every = best_model, folder, every

    def on_train_begin(self, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Put the callbacks where they were."""
        if self.state.callbacks:
            restore_callbacks(self._judges, self.state.callbacks)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Go on inside an epoch that was begun."""
        if self.state.begun:
            resume_epoch(self._model, self.state.begun)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Save the begun epoch when it is time."""
        steps = self.state.steps_done + batch + 1
        if self._every and steps % self._every == 0 and steps < self._steps:
            self._save(self.state.model_copy(update={"begun": begun_epoch(self._model, steps)}))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Take note of the epoch and save it.

        Raises:
            DivergedError: One of its figures is not a number.
        """
        figures = {name: float(value) for name, value in (logs or {}).items()}
        _require_numbers(epoch, figures)
        history = self.state.history
        self.state = TrainingState(
            epochs_done=epoch + 1,
            finished=bool(self._model.stop_training),
            history={name: [*history.get(name, []), value] for name, value in figures.items()},
            callbacks=callback_states(self._judges),
        )
        self._save(self.state)

    def _save(self, state: TrainingState) -> None:
        if self._folder is not None:
            save_state(self._folder, self._model, self._best_model, state)


def _require_numbers(epoch: int, figures: Logs) -> None:
    for name, value in figures.items():
        if not math.isfinite(value):
            raise DivergedError(
                f"{name} is {value} in epoch {epoch + 1}, at a learning rate of"
                f" {figures['learning_rate']:g}; set a smaller learning_rate"
            )


class GiveBackMemory:
    """Give back what tracing and compiling have left, after the first step."""

    def __init__(self) -> None:
        """Expect the first step."""
        self._given_back = False

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Give back memory once."""
        if not self._given_back:
            self._given_back = True
            give_back_memory()


class EpochLines:
    """Log one plain line per epoch."""

    def __init__(self, epochs: int) -> None:
        """Take the most epochs that will run."""
        self._epochs = epochs
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Note the time."""
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Log the epoch's figures."""
        figures = ", ".join(f"{name} {value:.4g}" for name, value in (logs or {}).items())
        seconds = time.monotonic() - self._started
        _LOG.info("epoch %d/%d: %s, %.1f s", epoch + 1, self._epochs, figures, seconds)


class TellProgress:
    """Tell how far the training is, as it begins, after each step and after each epoch."""

    def __init__(self, keeper: KeepState, epochs: int, steps: int) -> None:
        """Take who follows the training; it stands before this callback.

        Args:
            keeper: Follows the training.
            epochs: The most epochs that will run.
            steps: Steps of a whole epoch.
        """
        self._keeper, self._epochs, self._steps = keeper, epochs, steps

    def on_train_begin(self, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Tell where the training begins or goes on."""
        self._tell(0)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Tell of a step."""
        self._tell(batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Tell of a whole epoch."""
        self._tell(0)

    def _tell(self, steps_since: int) -> None:
        state = self._keeper.state
        tell_progress(state, self._epochs, state.steps_done + steps_since, self._steps)
