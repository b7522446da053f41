"""Keras callbacks of the training: the tutorial's three, and the project's own.

Importing this module imports Keras; only the training does.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

import keras

from tasks.errors import DivergedError
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

    from tasks.training_config import FitConfig

_LOG = logging.getLogger(__name__)

Logs = dict[str, float]


def tutorial_callbacks(fit: FitConfig, best_model: Path) -> list[keras.callbacks.Callback]:
    """Return fresh callbacks that stop, lower the rate and keep the best model, on `val_loss`.

    See https://keras.io/api/callbacks/
    """
    return [
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=fit.stop_patience),
        keras.callbacks.ReduceLROnPlateau(
            monitor="val_loss", factor=fit.reduce_factor, patience=fit.reduce_patience
        ),
        keras.callbacks.ModelCheckpoint(best_model, monitor="val_loss", save_best_only=True),
    ]


class EpochSeeds(keras.callbacks.Callback):
    """Seed every random layer anew from (seed, layer, epoch) as an epoch begins.

    An epoch thereby does not depend on how many steps ran before it in this process.
    """

    def __init__(self, seed: int) -> None:
        """Take the run's seed."""
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Assign the two integers of each layer's seed state."""
        for number, state in enumerate(seed_states(self.model)):
            random = generator(self._seed, f"random layer {number}", epoch)
            state.assign(random.integers(0, 2**31, size=state.shape))


class KeepState(keras.callbacks.Callback):
    """Begin from a state of the training, follow it, and save it after each epoch or oftener.

    Stands after the callbacks that it saves: they have reset themselves when it restores
    them, and have judged the epoch when it saves them.
    """

    def __init__(
        self,
        state: TrainingState,
        judges: list[keras.callbacks.Callback],
        best_model: Path,
        folder: Path | None,
        every: int | None,
    ) -> None:
        """Take the state to begin from, whose arrays the model has, and where to save.

        Args:
            state: Where the training is.
            judges: The callbacks to restore and save.
            best_model: File of the best model so far.
            folder: Where to save; None saves nothing.
            every: Steps between two savings inside an epoch; None saves whole epochs only.
        """
        super().__init__()
        self.state = state
        self._judges, self._best_model, self._folder = judges, best_model, folder
        self._every = every

    def on_train_begin(self, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Put the callbacks where they were."""
        if self.state.callbacks:
            restore_callbacks(self._judges, self.state.callbacks)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Go on inside an epoch that was begun."""
        if self.state.begun:
            resume_epoch(self.model, self.state.begun)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Save the begun epoch when it is time."""
        steps = self.state.steps_done + batch + 1
        is_last = batch + 1 == self.params["steps"]
        if self._every and steps % self._every == 0 and not is_last:
            self._save(self.state.model_copy(update={"begun": begun_epoch(self.model, steps)}))

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
            finished=bool(self.model.stop_training),
            history={name: [*history.get(name, []), value] for name, value in figures.items()},
            callbacks=callback_states(self._judges),
        )
        self._save(self.state)

    def _save(self, state: TrainingState) -> None:
        if self._folder is not None:
            save_state(self._folder, self.model, self._best_model, state)


def _require_numbers(epoch: int, figures: Logs) -> None:
    for name, value in figures.items():
        if not math.isfinite(value):
            raise DivergedError(
                f"{name} is {value} in epoch {epoch + 1}; set a learning_rate below"
                f" {figures['learning_rate']:g}"
            )


class EpochLines(keras.callbacks.Callback):
    """Log one plain line per epoch."""

    def __init__(self, epochs: int) -> None:
        """Take the most epochs that will run."""
        super().__init__()
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


class TellProgress(keras.callbacks.Callback):
    """Tell how far the training is, as it begins, after each step and after each epoch."""

    def __init__(self, keeper: KeepState, epochs: int, steps: int) -> None:
        """Take who follows the training; it stands before this callback.

        Args:
            keeper: Follows the training.
            epochs: The most epochs that will run.
            steps: Steps of a whole epoch.
        """
        super().__init__()
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
