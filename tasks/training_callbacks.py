"""Keras callbacks of the training: the tutorial's three, and the project's own.

Importing this module imports Keras; only the training does.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import keras

from tasks.seeds import generator
from tasks.training_state import (
    TrainingState,
    callback_states,
    restore_callbacks,
    save_state,
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
        states = [state for state in self.model.variables if "seed_generator" in state.path]
        for number, state in enumerate(states):
            random = generator(self._seed, f"random layer {number}", epoch)
            state.assign(random.integers(0, 2**31, size=state.shape))


class SaveState(keras.callbacks.Callback):
    """Save the state of the training after each epoch; begin from a restored one.

    Stands after the callbacks that it saves: they have reset themselves when it restores
    them, and have judged the epoch when it saves them.
    """

    def __init__(
        self,
        folder: Path,
        best_model: Path,
        judges: list[keras.callbacks.Callback],
        restored: TrainingState | None,
    ) -> None:
        """Take the folder of the state, the best model, and the callbacks to save."""
        super().__init__()
        self._folder, self._best_model, self._judges = folder, best_model, judges
        self._restored = restored
        earlier = restored.history if restored else {}
        self._history = {name: list(values) for name, values in earlier.items()}

    def on_train_begin(self, logs: Logs | None = None) -> None:  # noqa: ARG002
        """Put the callbacks where they were."""
        if self._restored:
            restore_callbacks(self._judges, self._restored.callbacks)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the state of this epoch, once there is a best model."""
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(float(value))
        if not self._best_model.exists():
            return
        save_state(
            self._folder,
            self.model,
            self._best_model,
            epochs_done=epoch + 1,
            history=self._history,
            callbacks=callback_states(self._judges),
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
